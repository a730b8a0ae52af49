-- Work that happens later: jobs of organizations, duties of the installation, and the nodes that do both.

-- A job of an organization. Its row goes when it is done, so what is here waits, runs, or was given up.
create table jobs (
  org_id      uuid not null references organizations (org_id),
  job_id      uuid not null,
  -- Dotted, for example `recordings.copy`: which handler takes it.
  queue       text not null check (length(queue) between 1 and 80),
  -- What it is about, in the words of the queue. The same key twice in one queue is one job.
  key         text not null check (length(key) between 1 and 200),
  -- Ids and small facts, never personal data: operators see it.
  payload     jsonb not null,
  state       text not null default 'waiting' check (state in ('waiting', 'running', 'dead')),
  -- Asked for again while it ran: it runs once more when it is done.
  again       boolean not null default false,
  created_at  timestamptz not null,
  -- Not to be taken before.
  due_at      timestamptz not null,
  -- How often it was taken since it was asked for or retried, the current run included. What the other side asked us
  -- to put off is not counted.
  attempts    integer not null default 0,
  -- Who runs it, and when another may take that one for dead.
  lease_id    uuid,
  lease_until timestamptz,
  node        text check (length(node) <= 200),
  started_at  timestamptz,
  -- Why the last run did not finish it.
  last_words  text check (length(last_words) <= 500),
  -- When it was given up.
  died_at     timestamptz,
  primary key (org_id, job_id),
  unique (org_id, queue, key),
  check ((state = 'running') = (lease_id is not null)),
  check ((state = 'running') = (lease_until is not null)),
  check ((state = 'dead') = (died_at is not null))
);
-- The workers', across organizations: whether something is due, whose turn it is, and what a dead worker left.
create index jobs_due on jobs (queue, due_at) where state = 'waiting';
create index jobs_turns on jobs (queue, org_id, due_at, job_id) where state = 'waiting';
create index jobs_leased on jobs (queue, lease_until) where state = 'running';
-- The operator's, across organizations.
create index jobs_dead on jobs (died_at desc, job_id desc) where state = 'dead';
select tenant_table('jobs');
select system_access('jobs', '{select,insert,update,delete}');

-- What workers last said of each queue, so that one without jobs is seen too.
create table job_queues (
  queue         text primary key check (length(queue) between 1 and 80),
  -- Runs until a job is given up, and how many one node runs at a time.
  attempts      integer not null,
  at_once       integer not null,
  lease_seconds integer not null,
  -- When a worker last began to work on it.
  declared_at   timestamptz not null
);
select system_table('job_queues', '{select,insert,update}');

-- A duty of the installation that comes again and again, done by one node at a time.
create table schedules (
  -- Dotted, for example `identity.sweep`.
  name            text primary key check (length(name) between 1 and 80),
  every_seconds   integer not null check (every_seconds >= 0),
  -- True: each node does it all the time, and this row collects what came of it.
  on_every_node   boolean not null default false,
  -- When a worker last said that it does this.
  declared_at     timestamptz not null,
  next_at         timestamptz not null,
  lease_id        uuid,
  lease_until     timestamptz,
  -- Who does it, or did it last.
  node            text check (length(node) <= 200),
  -- Of the last run.
  started_at      timestamptz,
  ended_at        timestamptz,
  succeeded_at    timestamptz,
  -- Why the last run failed; null when it did not.
  last_words      text check (length(last_words) <= 500),
  -- Failures since the last success.
  failures        integer not null default 0,
  runs            bigint not null default 0,
  failed_runs     bigint not null default 0,
  -- What the last success did, in small numbers and words.
  report          jsonb not null default '{}',
  check ((lease_id is null) = (lease_until is null))
);
select system_table('schedules', '{select,insert,update}');

-- The processes of the installation, so that an operator sees which of them do the work.
create table nodes (
  node       text primary key check (length(node) between 1 and 200),
  version    text not null check (length(version) between 1 and 80),
  -- False: it answers requests and leaves jobs and duties to others.
  works      boolean not null,
  started_at timestamptz not null,
  -- Written twice a minute. A process that stops takes its row away; one that is killed leaves it.
  seen_at    timestamptz not null,
  -- Names of the duties that it does, or would do if it were its turn. A schedule that no live node names is retired.
  duties     text[] not null,
  -- What it found of its own machine, for the vital signs (alarms::signs::nodes).
  readings   jsonb not null
);
select system_table('nodes', '{select,insert,update,delete}');
