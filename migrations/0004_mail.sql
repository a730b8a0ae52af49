-- Mail: the outbox with its attempts, what the relay's provider told afterwards, the budget, and who is not written to.

-- Every mail, written in the transaction of what it tells about. Stays as the record of what became of it.
create table mails (
  org_id         uuid not null references organizations (org_id),
  mail_id        uuid not null,
  -- Which text it is, dotted: `booking.confirmed`.
  template       text not null check (length(template) between 1 and 80),
  -- 0 security, 1 prospect, 2 sales, 3 bulk: who goes first and how much of the budget they may use.
  priority       smallint not null check (priority between 0 and 3),
  -- queued: waits for its turn. sending: a worker holds it. deferred: the relay said "later" and we try again.
  -- accepted: the relay took it, which says nothing of the mailbox. unknown: the connection broke when the relay may
  -- have taken it already. failed: given up. suppressed: the address is not written to. cancelled: no longer wanted.
  -- delivered, bounced, rejected, complained: what the provider told about an accepted mail.
  state          text not null check (state in ('queued', 'sending', 'deferred', 'failed', 'suppressed', 'cancelled',
                                                'unknown', 'accepted', 'rejected', 'delivered', 'bounced', 'complained')),
  to_address     text not null check (length(to_address) between 3 and 254),
  to_name        text not null default '' check (length(to_name) <= 200),
  -- [{"name", "address"}], as they were asked for.
  cc             jsonb not null default '[]',
  -- {"name", "address"}; null: answers go to the sender.
  reply_to       jsonb,
  -- To and copies together: what the relay counts.
  recipients     smallint not null check (recipients between 1 and 50),
  -- BCP 47 tag of the language it is written in.
  locale         text not null check (length(locale) between 2 and 10),
  subject        text not null check (length(subject) between 1 and 300),
  -- Text, HTML and calendar part, sealed with the master key for the place `mails/<org>/<mail>`: they hold sign-in links and
  -- personal data. Null when it was forgotten, some weeks after the mail came to its end.
  sealed         bytea,
  -- Of RFC 5322, without the angle brackets. The same at every attempt, so that receivers can drop a repeat.
  message_id     text not null check (length(message_id) <= 200),
  -- The same key twice in one organization is one mail.
  once           text check (length(once) between 1 and 200),
  about_kind     text check (length(about_kind) between 1 and 40),
  about_id       uuid,
  -- The mail that somebody had sent again by hand.
  resend_of      uuid,
  created_at     timestamptz not null,
  -- Not to be tried before.
  due_at         timestamptz not null,
  -- How often it was handed to the relay or tried to.
  attempts       integer not null default 0,
  -- The attempt at work, and when another worker may take it for dead.
  attempt_id     uuid,
  lease_until    timestamptz,
  -- What was said last: the relay's reply code, and its words or ours.
  last_code      smallint,
  last_words     text check (length(last_words) <= 1000),
  -- The relay that took it, and the name it gave the mail there.
  relay          text check (length(relay) <= 255),
  relay_queue_id text check (length(relay_queue_id) <= 200),
  accepted_at    timestamptz,
  -- When it left the queue, whatever for.
  ended_at       timestamptz,
  -- First time each was told, by the provider's clock. A bounce is of the mailbox, a block of the sender.
  delivered_at    timestamptz,
  deferred_at     timestamptz,
  bounced_at      timestamptz,
  blocked_at      timestamptz,
  complained_at   timestamptz,
  -- By a person: what machines fetch ahead is not counted.
  opened_at       timestamptz,
  clicked_at      timestamptz,
  unsubscribed_at timestamptz,
  primary key (org_id, mail_id),
  foreign key (org_id, resend_of) references mails (org_id, mail_id),
  check ((about_kind is null) = (about_id is null)),
  check ((state = 'sending') = (lease_until is not null)),
  check ((state = 'sending') = (attempt_id is not null))
);
create unique index mails_once on mails (org_id, once) where once is not null;
create index mails_newest on mails (org_id, created_at desc, mail_id);
create index mails_about on mails (org_id, about_kind, about_id) where about_id is not null;
-- The worker's, across organizations: what is next, and what a dead worker left.
create index mails_waiting on mails (priority, due_at, mail_id) where state in ('queued', 'deferred');
create index mails_leased on mails (lease_until) where state = 'sending';
create index mails_to_forget on mails (ended_at) where sealed is not null and ended_at is not null;
-- Those of the operator's choice how long mails are kept at all: the old ones, and whether one was sent again.
create index mails_ended on mails (ended_at) where ended_at is not null;
create index mails_resent on mails (org_id, resend_of) where resend_of is not null;
-- The operator's pages and provider events, across organizations.
create index mails_newest_of_all on mails (created_at desc, mail_id);
create index mails_by_id on mails (mail_id);
create index mails_by_message_id on mails (message_id);
select tenant_table('mails', '{select,insert,update}');
select system_access('mails', '{select,insert,update,delete}');

-- Each time a mail was tried: its timeline on our side.
create table mail_attempts (
  org_id     uuid not null,
  mail_id    uuid not null,
  attempt_id uuid not null,
  number     integer not null check (number > 0),
  relay      text not null check (length(relay) <= 255),
  started_at timestamptz not null,
  -- claimed: nothing of the mail was sent. data: from here on the relay may have it. Written before the words go out.
  phase      text not null default 'claimed' check (phase in ('claimed', 'data')),
  -- Null while it is at work. lost: the worker died before the relay could have it. relay_down: the fault is the relay's.
  outcome    text check (outcome in ('accepted', 'deferred', 'refused', 'relay_down', 'unknown', 'lost', 'suppressed')),
  code       smallint,
  -- The relay's own words, or ours when there were none. Never the mail's.
  words      text check (length(words) <= 1000),
  -- [{"address", "code", "words"}]: copies that the relay refused while it took the mail.
  refused    jsonb not null default '[]',
  ended_at   timestamptz,
  primary key (org_id, mail_id, attempt_id),
  foreign key (org_id, mail_id) references mails (org_id, mail_id)
);
select tenant_table('mail_attempts', '{select}');
select system_access('mail_attempts', '{select,insert,update,delete}');

-- What the relay's provider told about a mail, in one vocabulary for all providers.
create table mail_events (
  org_id      uuid not null,
  mail_id     uuid not null,
  event_id    uuid not null,
  -- Which provider's adapter took it in: `sendgrid`.
  source      text not null check (length(source) between 1 and 40),
  -- The provider's name for the event, so that a repeat is one.
  dedup_key   text not null check (length(dedup_key) between 1 and 500),
  kind        text not null check (kind in ('processed', 'deferred', 'delivered', 'bounced', 'blocked', 'dropped', 'complained',
                                            'opened', 'opened_by_machine', 'clicked', 'unsubscribed', 'other')),
  -- The provider's name of a kind that we do not know.
  kind_name   text check (length(kind_name) <= 60),
  recipient   text check (length(recipient) <= 254),
  -- By the provider's clock.
  at          timestamptz not null,
  received_at timestamptz not null,
  -- The enhanced status code (RFC 3463), and what the provider or the receiver said.
  code        text check (length(code) <= 20),
  words       text check (length(words) <= 1000),
  primary key (org_id, mail_id, event_id),
  foreign key (org_id, mail_id) references mails (org_id, mail_id)
);
create unique index mail_events_known on mail_events (org_id, source, dedup_key);
create index mail_events_in_order on mail_events (org_id, mail_id, at);
select tenant_table('mail_events', '{select}');
select system_access('mail_events', '{select,insert,delete}');

-- Verified events that name no mail of ours (the provider's account may serve others too) or that could not be read. Kept
-- for the operator to look at, and forgotten after a while. Of the installation: they belong to no organization.
create table mail_events_unmatched (
  event_id    uuid primary key,
  source      text not null check (length(source) between 1 and 40),
  -- The provider's name for the event or, where it could not be read, a digest of what was sent.
  dedup_key   text not null check (length(dedup_key) between 1 and 500),
  -- Null when it could not be read.
  kind        text check (length(kind) <= 60),
  -- Why it is here: no_mail, or what is wrong with it.
  fault       text not null check (length(fault) between 1 and 60),
  recipient   text check (length(recipient) <= 254),
  message_id  text check (length(message_id) <= 256),
  at          timestamptz,
  received_at timestamptz not null,
  -- What could not be read, cut to 4,000 characters.
  raw         text check (length(raw) <= 4000),
  unique (source, dedup_key)
);
create index mail_events_unmatched_age on mail_events_unmatched (received_at);
select system_table('mail_events_unmatched', '{select,insert,delete}');

-- Addresses that are not written to. Of the installation: the relay's reputation is shared by all organizations, and that
-- a mailbox does not exist is a fact about the mailbox, whoever wrote to it. An organization learns of it only through
-- a mail of its own.
create table mail_suppressions (
  -- Lower case.
  address    text primary key check (length(address) between 3 and 254 and address = lower(address)),
  -- bounced and manual stop every mail. complained stops all but security mails, unsubscribed stops bulk only.
  reason     text not null check (reason in ('bounced', 'complained', 'unsubscribed', 'manual')),
  -- A provider's adapter, `relay` (its answer while we sent), or `operator`.
  source     text not null check (length(source) between 1 and 40),
  words      text check (length(words) <= 1000),
  -- The mail it came from; no reference, as mails belong to organizations.
  mail_id    uuid,
  created_at timestamptz not null
);
select system_table('mail_suppressions', '{select,insert,update,delete}');

-- The relay's own state, one row a relay. Locked by whoever claims, so that two workers never count the same budget.
create table mail_relays (
  -- Host name: what the provider's daily limit belongs to.
  relay        text primary key check (length(relay) <= 255),
  -- Connecting, TLS or signing in failed so often in a row.
  failures     integer not null default 0,
  -- Nothing is tried before; null when the relay answers.
  paused_until timestamptz,
  -- What failed last, in words for the operator.
  fault        text check (length(fault) <= 1000),
  -- Since when it has been failing, and when it last took a mail.
  failing_since timestamptz,
  answered_at  timestamptz
);
select system_table('mail_relays', '{select,insert,update}');

-- What was spent of a relay's daily budget, one row an attempt, a diagnosis included. Given back (deleted) when the
-- attempt surely did not count.
create table mail_spending (
  spending_id uuid primary key,
  relay       text not null check (length(relay) <= 255),
  at          timestamptz not null,
  recipients  smallint not null check (recipients > 0)
);
create index mail_spending_of_relay on mail_spending (relay, at);
select system_table('mail_spending', '{select,insert,update,delete}');
