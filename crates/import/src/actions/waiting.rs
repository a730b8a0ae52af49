//! What is done with rows that wait.

/// What came of a row that waited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Assigned {
    /// It was taken for this organization.
    Taken(OrgId),
    /// It waits still.
    StillWaits(Issue),
}

/// Rows that wait, oldest first, after one of them.
pub async fn list_waiting(
    tenancy: &Tenancy,
    after: Option<WaitingId>,
    limit: i64,
) -> Result<Vec<Waiting>, ImportError> {
    let mut tx = tenancy.system("an operator looks at rows that no organization was found for").await?;
    let rows = store::waiting(&mut tx, after, limit).await?;
    tx.commit().await?;
    Ok(rows)
}

/// How many rows wait.
pub async fn count_waiting(tenancy: &Tenancy) -> Result<i64, ImportError> {
    let mut tx = tenancy.system("count rows that no organization was found for").await?;
    let count = store::count_waiting(&mut tx).await?;
    tx.commit().await?;
    Ok(count)
}

/// Decides again about a row that waits: by the rules, or for the organization that an operator names. What contradicts the
/// operator's word keeps it waiting, so that no slip of the hand gives a patient's call to another practice.
pub async fn assign_waiting(
    importer: &Importer,
    mapping: &Mapping,
    actor: Actor,
    id: WaitingId,
    org: Option<OrgId>,
) -> Result<Assigned, ImportError> {
    let mut tx = importer.tenancy.system("an operator says whose a row is").await?;
    let found = store::find_waiting(&mut tx, id).await?;
    tx.commit().await?;
    let (waiting, sealed) = found.ok_or(ImportError::NotFound)?;
    let plain = importer.key.open(&seal_place(waiting.table, waiting.source_id), &sealed)?;
    let row: Row = serde_json::from_slice(&plain).map_err(|_| ImportError::Unreadable)?;
    let source = Source::of(waiting.table, row, waiting.place.clone());
    let digest = source.digest.clone();
    let verdict = match prepare(source, mapping, importer.clock.now()) {
        Err((_, issue)) => Err(issue),
        // Boxed, as below: what is in it would be carried through every caller's stack.
        Ok(row) => Box::pin(importer.decide_again(mapping, row, &waiting, org)).await?,
    };
    let now = importer.clock.now();
    let mut tx = importer.tenancy.system("note what came of a row that waited").await?;
    let assigned = match verdict {
        Ok(org) => {
            store::settle_waiting(&mut tx, &[(waiting.table, waiting.source_id, &digest, org)], now).await?;
            let detail = json!({ "table": waiting.table, "row": waiting.source_id });
            audit::record_system(&mut tx, org, actor, "import.assigned", Some(&id.to_string()), detail).await?;
            Assigned::Taken(org)
        }
        Err(issue) => {
            store::note_still_waiting(&mut tx, id, &issue).await?;
            Assigned::StillWaits(issue)
        }
    };
    tx.commit().await?;
    Ok(assigned)
}

impl Importer {
    /// Takes a row that waited, or says why it waits still.
    async fn decide_again(
        &self,
        mapping: &Mapping,
        row: Prepared,
        waiting: &Waiting,
        named: Option<OrgId>,
    ) -> Result<Result<OrgId, Issue>, ImportError> {
        let mut keys = Keys::default();
        add_keys(&mut keys, &row);
        keys.ids.extend(named.map(OrgId::uuid));
        let mut tx = self.tenancy.system(REASON).await?;
        let mut known = Known::default();
        let operator = operator_organization(&self.tenancy).await?;
        let (facts, _) = look_up(&mut tx, &keys, Vec::new(), operator, mapping).await?;
        tx.commit().await?;
        for fact in facts {
            known.learn(fact);
        }
        let named_id = named.map(OrgId::uuid);
        let view = View { known: &known, mapping, operator, named: named_id, run: waiting.run, pass: Pass::Any };
        let taking = match decide(&row, &view) {
            Some(Verdict::Take(taking)) => taking,
            Some(Verdict::Done(taking)) => return Ok(Ok(taking.org)),
            Some(Verdict::Wait(issue)) => return Ok(Err(issue)),
            // Taken meanwhile, by an import that knew more.
            Some(Verdict::AlreadyThere) => return owner_of(&row, named, operator).map(Ok),
            None => return Err(ImportError::NotFound),
        };
        let event = event_of(&row, &taking, &known, mapping)?.map(|(event, _)| event);
        let org = taking.org;
        let mut planned = [Planned { row, taking, event }];
        let refused = self.take(waiting.run, org, &mut planned).await?;
        Ok(refused.into_iter().next().map_or(Ok(org), |(_, issue)| Err(issue)))
    }
}

/// Whose a row is that is there already.
fn owner_of(row: &Prepared, named: Option<OrgId>, operator: Option<OrgId>) -> Result<OrgId, ImportError> {
    let by_row = row.org.map(OrgId::from_uuid);
    let by_kind = operator.filter(|_| matches!(row.content, Content::Booking(_)));
    named.or(by_row).or(by_kind).ok_or(ImportError::NoSuchOrganization)
}

/// What came of all rows that waited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Reconsidered {
    /// Were taken.
    pub taken: u64,
    /// Wait still.
    pub waiting: u64,
}

/// Decides again about every row that waits, after numbers or agents were added, or with a mapping that says more. Calls come
/// before what was said in them, because ids follow time only within a run.
pub async fn reconsider(importer: &Importer, mapping: &Mapping, actor: Actor) -> Result<Reconsidered, ImportError> {
    const PAGE: i64 = 200;
    let mut sum = Reconsidered::default();
    // One row may tell whose another is: until a round finds nothing more.
    loop {
        let mut round = Reconsidered::default();
        let mut after = None;
        loop {
            let page = list_waiting(&importer.tenancy, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            for waiting in page {
                match assign_waiting(importer, mapping, actor, waiting.id, None).await {
                    Ok(Assigned::Taken(_)) => round.taken += 1,
                    Ok(Assigned::StillWaits(_)) => round.waiting += 1,
                    // Somebody else settled it meanwhile.
                    Err(ImportError::NotFound) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        sum.taken += round.taken;
        sum.waiting = round.waiting;
        if round.taken == 0 || round.waiting == 0 {
            return Ok(sum);
        }
    }
}
