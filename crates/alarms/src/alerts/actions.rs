//! Evaluating, telling, acknowledging.

use std::collections::BTreeMap;

use mail::Mailbox;
use platform::audit::{self, Actor};
use platform::ids::{OrgId, UserId};
use platform::jobs::{JobError, NewJob, Report};
use platform::tenancy::SystemTx;
use serde_json::json;

use super::model::{Alert, AlertError, AlertId, Level, Memory, News, NoticeId, Trouble, step};
use super::store::{self, Last, NewNotice};
use super::webhook::Told;
use super::{jobs, letters};
use crate::signs::actions::{Alarms, Measured};
use crate::signs::model::{Reading, Sign, State};
use crate::signs::store::{self as signs, Known};

/// Alerts that are over and are still shown.
const HISTORY: i64 = 100;

impl From<JobError> for AlertError {
    fn from(error: JobError) -> Self {
        match error {
            JobError::Db(error) => Self::Database(error),
            invalid @ JobError::Invalid { .. } => Self::Job(invalid),
        }
    }
}

impl Alarms {
    /// Looks at every sign, writes down how it stands, and tells the operator what is new. The looking is done before the
    /// transaction begins: nothing outside is asked while it is open.
    pub async fn evaluate(&self) -> Result<Report, AlertError> {
        let measured = self.measure().await;
        self.take_in(measured).await
    }

    /// The same with measurements that were taken elsewhere.
    pub async fn take_in(&self, measured: Vec<(Sign, Measured)>) -> Result<Report, AlertError> {
        let services = self.services();
        let now = self.now();
        let mut tx = services.tenancy.system("the signs of the whole installation are written down").await?;
        let known = signs::known(&mut tx, true).await?;
        let mut last = store::last(&mut tx).await?;
        let operator = signs::operator_organization(&mut tx).await?;
        let mut readings = BTreeMap::new();
        let mut told = 0_u32;
        for (sign, measured) in measured {
            let before = known.get(&sign);
            let was = before.map_or(State::Fine, |known| known.reading.state);
            let reading = measured.judge(was, self, now);
            let alert = last.remove(&sign);
            let memory = Memory {
                bad_since: before.and_then(|known| known.bad_since),
                trouble: alert.as_ref().map(|alert| alert.trouble),
            };
            let (after, news) = step(memory, reading.state, now);
            let since = before.filter(|known| known.reading.state == reading.state).map_or(now, |known| known.since);
            let written = Known { reading: reading.clone(), measured_at: now, since, bad_since: after.bad_since };
            signs::save(&mut tx, sign, &written).await?;
            if let Some(trouble) = after.trouble.filter(|trouble| memory.trouble.as_ref() != Some(trouble)) {
                let changed = Changed { sign, alert, trouble, reading: &reading, news };
                told += u32::from(self.write_alert(&mut tx, operator, changed).await?);
            }
            readings.insert(sign, reading);
        }
        let open = store::count_open(&mut tx).await?;
        tx.commit().await?;
        measure(&readings, &open);
        if told > 0 {
            services.outbox.wake();
            services.jobs.wake(jobs::WEBHOOK.name);
        }
        let bad = readings.values().filter(|reading| !matches!(reading.state, State::Off | State::Fine)).count();
        Ok(Report::new().count("signs", readings.len()).count("not_fine", bad).count("told", told))
    }

    /// Writes an alert that changed, and what is told of it. Answers whether something was.
    async fn write_alert(
        &self,
        tx: &mut SystemTx,
        operator: Option<OrgId>,
        changed: Changed<'_>,
    ) -> Result<bool, AlertError> {
        let Changed { sign, alert, trouble, reading, news } = changed;
        // One that is opened anew is another alert, with an id of its own.
        let same = alert.as_ref().filter(|last| last.trouble.opened_at == trouble.opened_at);
        let id = same.map_or_else(AlertId::new, |last| last.id);
        let is_bad = Level::of(reading.state).is_some();
        // What was wrong stays readable after it is over.
        let words = same.filter(|_| !is_bad).map_or(reading.words.as_str(), |last| last.words.as_str());
        store::save(tx, id, sign, words, &trouble).await?;
        let Some(news) = news else { return Ok(false) };
        let told = Told {
            news,
            at: self.now(),
            alert: id,
            sign,
            level: trouble.level,
            words: &reading.words,
            opened_at: trouble.opened_at,
            origin: &self.services().public_origin,
        };
        self.tell(tx, operator, &told).await?;
        Ok(true)
    }

    /// Writes a notice: a mail for each address, and a job for the webhook.
    async fn tell(&self, tx: &mut SystemTx, operator: Option<OrgId>, told: &Told<'_>) -> Result<(), AlertError> {
        let services = self.services();
        let id = NoticeId::new();
        let config = &services.config;
        let to = if operator.is_some() { config.to.as_slice() } else { &[] };
        let webhook = operator.filter(|_| config.webhook.is_some());
        if to.is_empty() && webhook.is_none() {
            tracing::warn!(
                sign = told.sign.as_str(),
                news = told.news.as_str(),
                "an alert reaches nobody; set VOXANNE_ALERT_TO"
            );
        }
        let body = told.body()?;
        let (alert, news, at) = (told.alert, told.news, told.at);
        let notice = NewNotice { id, alert, news, at, body: &body, mails: to.len(), webhook: webhook.is_some() };
        store::insert_notice(tx, &notice).await?;
        let sender = services.outbox.sender_name();
        for address in to {
            if let Some(org) = operator {
                let letter = letters::letter(told, id, Mailbox::from(address.clone()), sender);
                services.outbox.enqueue_for(tx, org, letter).await?;
            }
        }
        if let Some(org) = webhook {
            let payload = json!({ "notice": id });
            let job = NewJob { queue: jobs::WEBHOOK.name, key: id.to_string(), payload, due: None };
            services.jobs.enqueue_for(tx, org, job).await?;
        }
        metrics::counter!("voxanne_alert_notices_total", "kind" => told.news.as_str()).increment(1);
        tracing::warn!(
            sign = told.sign.as_str(),
            news = told.news.as_str(),
            level = told.level.as_str(),
            alert = %told.alert,
            "the operator is told of an alert"
        );
        Ok(())
    }

    /// Takes an open alert on: it tells again only when it gets worse, and when it is over. The audit row is in `org`, the
    /// operator's organization.
    pub async fn acknowledge(&self, by: UserId, org: OrgId, id: AlertId) -> Result<(), AlertError> {
        let mut tx = self.services().tenancy.system("an operator takes on an alert of the installation").await?;
        let sign = store::acknowledge(&mut tx, id, by, self.now()).await?.ok_or(AlertError::NotFound)?;
        let detail = json!({ "sign": sign });
        audit::record_system(&mut tx, org, Actor::Operator(by), "alert.acknowledged", Some(&id.to_string()), detail)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Whom alerts reach, in words for the page. Empty: nobody.
    pub fn reaches(&self) -> Vec<String> {
        let config = &self.services().config;
        let addresses = match config.to.len() {
            0 => None,
            1 => Some("one address by mail".to_owned()),
            count => Some(format!("{count} addresses by mail")),
        };
        let addresses = addresses.map(|words| match self.services().outbox.config().relay {
            Some(_) => words,
            None => format!("{words} (no relay is configured: mails are kept and none is sent)"),
        });
        let webhook = config.webhook.as_ref().map(|_| "a webhook".to_owned());
        addresses.into_iter().chain(webhook).collect()
    }

    /// The alerts that are open, the worst first, and those that are over, the newest first.
    pub async fn alerts(&self) -> Result<(Vec<Alert>, Vec<Alert>), AlertError> {
        let mut tx = self.services().tenancy.system("an operator looks at the alerts of the installation").await?;
        let open = store::list(&mut tx, true, HISTORY).await?;
        let over = store::list(&mut tx, false, HISTORY).await?;
        tx.commit().await?;
        Ok((open, over))
    }
}

/// An alert after a step.
struct Changed<'a> {
    sign: Sign,
    alert: Option<Last>,
    trouble: Trouble,
    reading: &'a Reading,
    news: Option<News>,
}

fn measure(readings: &BTreeMap<Sign, Reading>, open: &BTreeMap<Level, i64>) {
    for (sign, reading) in readings {
        metrics::gauge!("voxanne_vital_sign_state", "sign" => sign.as_str()).set(f64::from(reading.state.number()));
        if let Some(value) = reading.value {
            metrics::gauge!("voxanne_vital_sign_value", "sign" => sign.as_str()).set(value);
        }
    }
    for level in Level::ALL {
        let count = open.get(&level).copied().unwrap_or(0);
        let count = f64::from(i32::try_from(count).unwrap_or(i32::MAX));
        metrics::gauge!("voxanne_alerts_open", "level" => level.as_str()).set(count);
    }
}
