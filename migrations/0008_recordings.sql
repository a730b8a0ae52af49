-- Recordings: one row for each sound that the provider keeps of a call, and what became of copying it.
--
-- Rows are made where changed calls are followed up, by index_queued_calls (0003_voice.sql), so that taking an event in
-- costs nothing more. `voice::recordings` has the rules.

create table call_recordings (
  org_id         uuid not null references organizations (org_id),
  recording_id   uuid not null,
  call_id        uuid not null,
  -- stereo: a side per channel; mono: both mixed; agent, caller: one side alone.
  channel        text not null check (channel in ('stereo', 'mono', 'agent', 'caller')),
  state          recording_state not null default 'pending' check (state <> 'none'),
  -- Where the provider says it is. Unsigned: it does not open by itself.
  source_url     text check (length(source_url) between 1 and 2048),
  -- Runs begun. Part of the name of the file, so that two runs never write the same one.
  attempts       int not null default 0 check (attempts >= 0),
  last_attempt_at timestamptz,
  -- Why the last run did not end well, and what that was exactly: a code (voice::recordings::model::Reason) and words
  -- without personal data. Null once it is copied.
  reason         text check (length(reason) between 1 and 40),
  detail         text check (length(detail) <= 500),
  -- When a job was made for it; null: one is wanted.
  queued_at      timestamptz,
  -- The file, once it is whole and hashed.
  storage_key    text check (length(storage_key) between 1 and 512),
  size_bytes     bigint check (size_bytes > 0),
  sha256         bytea check (length(sha256) = 32),
  -- What the bytes are, whatever their sender called them.
  content_type   text check (content_type in ('audio/wav', 'audio/mpeg', 'audio/mp4', 'audio/aac', 'audio/ogg', 'audio/webm')),
  -- Null where the sound could not be measured; it plays all the same.
  duration_ms    bigint check (duration_ms >= 0),
  channels       int check (channels between 1 and 32),
  -- The loudest sample of each of equally long pieces, 0 to 255, all of the first channel, then all of the second.
  peaks          bytea,
  copied_at      timestamptz,
  created_at     timestamptz not null default now(),
  primary key (org_id, recording_id),
  unique (org_id, call_id, channel),
  foreign key (org_id, call_id) references call_logs (org_id, id),
  check (state <> 'ready' or (storage_key is not null and size_bytes is not null and sha256 is not null
         and content_type is not null and copied_at is not null)),
  check (state <> 'failed' or reason is not null)
);
-- The feeder's and the orphan cleanup's, across organizations.
create index call_recordings_unqueued on call_recordings (created_at) where queued_at is null;
create unique index call_recordings_by_key on call_recordings (storage_key) where storage_key is not null;
select tenant_table('call_recordings');
select system_access('call_recordings', '{select,update}');

alter domain live_kind drop constraint live_kind_check;
alter domain live_kind add constraint live_kind_check
  check (value in ('call.created', 'call.updated', 'call.ended', 'call.caption', 'booking.changed', 'recording.ready',
                   'recording.failed'));
