//! Everything that is stored about a call, without what differs from call to call by design: ids and times of receipt.

use platform::ids::OrgId;
use serde_json::Value;
use sqlx::postgres::PgConnection;

const ROWS: &str = "
    select jsonb_build_object(
      'log', to_jsonb(l) - '{org_id,id,connection_id,agent_id,number_id,created_at,reported_at}'::text[]
        || jsonb_build_object(
             'is_reported', l.reported_at is not null,
             'agent', (select a.name from agents a where a.org_id = l.org_id and a.agent_id = l.agent_id),
             'number', (select n.e164 from phone_numbers n where n.org_id = l.org_id and n.number_id = l.number_id)),
      'tracking', (select to_jsonb(t) - '{org_id,id,agent_id}'::text[]
                     || jsonb_build_object('same_agent', t.agent_id is not distinct from l.agent_id)
                     from call_tracking t where t.org_id = l.org_id and t.id = l.id),
      'turns', (select jsonb_agg(to_jsonb(u) - '{org_id,call_id}'::text[] order by u.turn_key)
                  from call_turns u where u.org_id = l.org_id and u.call_id = l.id),
      'tools', (select jsonb_agg(to_jsonb(c) - '{org_id,call_id}'::text[] order by c.tool_call_id)
                  from call_tool_calls c where c.org_id = l.org_id and c.call_id = l.id),
      'events', (select jsonb_agg(e.event order by e.event) from (
                   -- A second report is kept under the first one's key and its own digest; which is second is the order's.
                   select jsonb_build_array(type, at, body_bytes, regexp_replace(dedup_key, '/[0-9a-f]{64}$', '')) as event
                     from provider_events e where e.org_id = l.org_id and e.call_id = l.id) e),
      'audit', (select jsonb_agg(a.action order by a.action) from audit_log a
                 where a.org_id = l.org_id and a.subject = l.id::text),
      'route', (select r.provider from call_routes r
                 where r.org_id = l.org_id and r.call_id = l.id and r.provider_call_id = l.provider_call_id),
      'words', (select jsonb_build_object('at', s.at, 'document', regexp_replace(s.document::text, 'org[0-9a-f]{32}', 'ORG'))
                  from call_search s where s.org_id = l.org_id and s.call_id = l.id))
      from call_logs l where l.org_id = $1 and l.provider_call_id = $2";

/// The rows of a call; null when there are none.
pub async fn of_call(admin: &mut PgConnection, org: OrgId, call: &str) -> Value {
    let rows: Option<Value> = sqlx::query_scalar(ROWS).bind(org).bind(call).fetch_optional(admin).await.unwrap();
    rows.map_or(Value::Null, |rows| serde_json::from_str(&rows.to_string().replace(call, "CALL")).unwrap())
}

/// Where two sets of rows differ, one line each: readable where a whole dump is not.
pub fn differences(left: &Value, right: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare("", left, right, &mut found);
    found
}

fn compare(path: &str, left: &Value, right: &Value, found: &mut Vec<String>) {
    match (left, right) {
        (Value::Object(left), Value::Object(right)) => {
            for key in left.keys().chain(right.keys().filter(|key| !left.contains_key(*key))) {
                let null = Value::Null;
                compare(
                    &format!("{path}.{key}"),
                    left.get(key).unwrap_or(&null),
                    right.get(key).unwrap_or(&null),
                    found,
                );
            }
        }
        _ if left != right => found.push(format!("{path}: {left} / {right}")),
        _ => {}
    }
}
