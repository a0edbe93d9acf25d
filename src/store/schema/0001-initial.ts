/** Experiments with their chunks and events, asynchronous runs with theirs, and uploaded data sets. */
export const initial = `
CREATE TABLE stratascope.experiments (
  id text PRIMARY KEY,
  kind text NOT NULL,
  model text NOT NULL,
  state text NOT NULL,
  spec jsonb NOT NULL,
  total integer NOT NULL,
  done integer NOT NULL DEFAULT 0,
  events integer NOT NULL DEFAULT 0,
  reason text,
  error jsonb,
  idempotency_key text UNIQUE,
  request_hash text,
  busy_ms double precision NOT NULL DEFAULT 0,
  progress_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  started_at timestamptz,
  finished_at timestamptz,
  result bytea
);
-- Ids grow with time: the newest first is by id.
CREATE INDEX experiments_by_state ON stratascope.experiments (state, id);
CREATE INDEX experiments_by_kind ON stratascope.experiments (kind, id);
CREATE INDEX experiments_by_model ON stratascope.experiments (model, id);

CREATE TABLE stratascope.experiment_chunks (
  experiment_id text NOT NULL REFERENCES stratascope.experiments ON DELETE CASCADE,
  chunk integer NOT NULL,
  job_id uuid NOT NULL,
  input bytea NOT NULL,
  output bytea,
  finished_at timestamptz,
  PRIMARY KEY (experiment_id, chunk)
);
-- Floating point numbers do not get smaller: nothing is compressed, and parts can be read.
ALTER TABLE stratascope.experiment_chunks ALTER COLUMN input SET STORAGE EXTERNAL, ALTER COLUMN output SET STORAGE EXTERNAL;

CREATE TABLE stratascope.experiment_events (
  experiment_id text NOT NULL REFERENCES stratascope.experiments ON DELETE CASCADE,
  seq integer NOT NULL,
  type text NOT NULL,
  json text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (experiment_id, seq)
);

CREATE TABLE stratascope.runs (
  id text PRIMARY KEY,
  model text NOT NULL,
  state text NOT NULL,
  header json NOT NULL,
  summary jsonb,
  owner text,
  heartbeat_at timestamptz,
  events integer NOT NULL DEFAULT 0,
  bytes bigint NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  started_at timestamptz,
  finished_at timestamptz,
  error json
);
CREATE INDEX runs_by_state ON stratascope.runs (state, id);
CREATE INDEX runs_by_model ON stratascope.runs (model, id);
CREATE INDEX runs_unfinished ON stratascope.runs (owner) WHERE finished_at IS NULL;

CREATE TABLE stratascope.run_events (
  run_id text NOT NULL REFERENCES stratascope.runs ON DELETE CASCADE,
  seq integer NOT NULL,
  type text NOT NULL,
  json text NOT NULL,
  PRIMARY KEY (run_id, seq)
);

CREATE TABLE stratascope.datasets (
  name text PRIMARY KEY,
  sha256 text NOT NULL,
  bytes bigint NOT NULL,
  format text NOT NULL,
  content bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE stratascope.datasets ALTER COLUMN content SET STORAGE EXTERNAL;
`;
