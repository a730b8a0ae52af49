-- What the installation uses of its voice provider, all organizations together, for the operator's page of limits. Column by
-- column: sums and times, and nothing of what was said or by whom.
create policy system_select on call_logs for select to voxanne_system using (true);
grant select (org_id, at, duration_seconds, cost_micros, currency) on call_logs to voxanne_system;
