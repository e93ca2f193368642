-- The production schema of the incident: 41 tables, 404 columns (`run` counts them).
-- Table names, and the twelve columns that the migration dropped, with their defaults, are the incident's
-- own; every other column is invented. Referenced tables come first, so that rows.sql can fill in this order.

CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);

CREATE TABLE users (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email text NOT NULL UNIQUE, name text NOT NULL, role text NOT NULL DEFAULT 'member', google_sub text,
    slack_user_id text, avatar_url text, time_zone text NOT NULL DEFAULT 'UTC', is_active boolean NOT NULL DEFAULT true,
    last_login_at timestamptz, created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz
);

CREATE TABLE projects (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key text NOT NULL UNIQUE, name text NOT NULL, client_name text, status text NOT NULL DEFAULT 'active',
    budget_hours numeric(10,2), hourly_rate numeric(8,2), slack_channel_id text, is_active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz,
    -- what revision 1923d6037f6e drops
    project_work_type text DEFAULT 'project-based', total_hours numeric(10,2) DEFAULT 0,
    cumulative_hours numeric(10,2) DEFAULT 0, weekly_meeting_day text, retainer_hours numeric(10,2) DEFAULT 0,
    send_meeting_emails boolean DEFAULT false, start_date date, launch_date date, description text, lead text,
    show_budget_tab boolean DEFAULT true
);

CREATE TABLE standard_epic_templates (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL, description text, category text, default_hours numeric(8,2), sort_order integer,
    is_active boolean NOT NULL DEFAULT true, created_by integer REFERENCES users, created_at timestamptz, updated_at timestamptz
);

CREATE TABLE template_epics (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    template_id integer NOT NULL REFERENCES standard_epic_templates, name text NOT NULL, color text,
    estimated_hours numeric(8,2), sort_order integer, created_at timestamptz, updated_at timestamptz
);

CREATE TABLE template_tickets (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    template_epic_id integer NOT NULL REFERENCES template_epics, issue_type text, title text NOT NULL, description text,
    estimated_hours numeric(8,2), priority text, sort_order integer, created_at timestamptz, updated_at timestamptz
);

CREATE TABLE epic_categories (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE, description text, color text, display_order integer, is_default boolean,
    created_at timestamptz, updated_at timestamptz
);

CREATE TABLE epic_category_mappings (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    epic_key text NOT NULL UNIQUE, project_key text REFERENCES projects (key), category text REFERENCES epic_categories (name),
    mapped_by integer REFERENCES users, confidence numeric(4,1), created_at timestamptz, updated_at timestamptz
);

CREATE TABLE epic_baselines (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    epic_category text NOT NULL, typical_hours numeric(8,2), min_hours numeric(8,2), max_hours numeric(8,2),
    median_hours numeric(8,2), p75_hours numeric(8,2), p90_hours numeric(8,2), project_count integer, occurrence_count integer,
    created_at timestamptz, updated_at timestamptz
);

CREATE TABLE epic_baseline_mappings (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    epic_summary text NOT NULL UNIQUE, baseline_category text NOT NULL, confidence_score numeric(4,1),
    created_by text, created_at timestamptz, updated_at timestamptz
);

CREATE TABLE epic_allocation_baselines (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    epic_category text NOT NULL, avg_allocation_pct numeric(8,2), std_allocation_pct numeric(8,2), min_allocation_pct numeric(8,2),
    max_allocation_pct numeric(8,2), project_count integer, occurrence_count integer, created_at timestamptz, updated_at timestamptz
);

CREATE TABLE epic_budgets (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_key text NOT NULL REFERENCES projects (key), epic_key text NOT NULL, epic_summary text, epic_category text,
    estimated_hours numeric(10,2), is_placeholder boolean, created_at timestamptz, updated_at timestamptz,
    UNIQUE (project_key, epic_key)
);

CREATE TABLE epic_forecasts (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_key text NOT NULL REFERENCES projects (key), epic_name text NOT NULL, estimated_months integer,
    be_integrations boolean, custom_theme boolean, custom_designs boolean, ux_research boolean, teams_selected jsonb,
    forecast_data jsonb, total_hours numeric(10,2), created_at timestamptz, updated_at timestamptz
);

CREATE TABLE epic_hours (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_key text NOT NULL REFERENCES projects (key), epic_key text NOT NULL, epic_summary text, epic_category text,
    month date NOT NULL, team text NOT NULL, hours numeric(10,2), created_at timestamptz, updated_at timestamptz
);

CREATE TABLE project_characteristics (
    project_key text PRIMARY KEY REFERENCES projects (key),
    be_integrations integer, custom_theme integer, custom_designs integer, ux_research integer, extensive_customizations integer,
    project_oversight integer, created_at timestamptz, updated_at timestamptz
);

CREATE TABLE characteristic_impact_baselines (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    characteristic_name text NOT NULL, characteristic_value integer, team text, avg_allocation_pct numeric(8,2),
    std_allocation_pct numeric(8,2), sample_size integer, project_keys jsonb, created_at timestamptz, updated_at timestamptz
);

CREATE TABLE project_digest_cache (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_key text NOT NULL REFERENCES projects (key), days integer, include_context boolean, digest_data text,
    created_at timestamptz, expires_at timestamptz
);

CREATE TABLE project_forecasting_config (
    project_key text PRIMARY KEY REFERENCES projects (key),
    forecasting_start_date date, forecasting_end_date date, include_in_forecasting boolean, project_type text, notes text,
    created_at timestamptz, updated_at timestamptz
);

CREATE TABLE project_keywords (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_key text NOT NULL REFERENCES projects (key), keyword text NOT NULL, weight integer, source text,
    created_at timestamptz, updated_at timestamptz
);

CREATE TABLE project_monthly_forecast (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_key text NOT NULL REFERENCES projects (key), month_year date NOT NULL, forecasted_hours numeric(10,2),
    actual_monthly_hours numeric(10,2), variance_pct numeric(8,2), locked boolean, notes text, created_at timestamptz,
    updated_at timestamptz, UNIQUE (project_key, month_year)
);

CREATE TABLE project_resource_mappings (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_key text NOT NULL REFERENCES projects (key), project_name text, slack_channel_ids text, notion_page_ids text,
    github_repos text, jira_project_keys text, internal_slack_channels text, external_slack_channels text,
    created_at timestamptz, updated_at timestamptz
);

CREATE TABLE monthly_reconciliation_reports (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    month date NOT NULL, generated_at timestamptz, file_path text, total_projects integer, projects_over_budget integer,
    total_variance_pct numeric(8,2), total_epics integer, report_metadata jsonb, sent_to jsonb, created_at timestamptz
);

CREATE TABLE tempo_worklogs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    worklog_id text NOT NULL UNIQUE, issue_key text, issue_id text, project_key text REFERENCES projects (key), epic_key text,
    user_name text, hours numeric(8,2), work_date date, description text, synced_at timestamptz,
    created_at timestamptz, updated_at timestamptz
);

CREATE TABLE temporal_pattern_baselines (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    timeline_start_pct integer, timeline_end_pct integer, team text, work_pct numeric(8,2), sample_size integer,
    project_keys jsonb, created_at timestamptz, updated_at timestamptz
);

CREATE TABLE time_tracking_compliance (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_account_id text NOT NULL, user_name text, week_start_date date NOT NULL, hours_logged numeric(8,2), is_compliant boolean,
    was_on_pto boolean, pto_hours numeric(8,2), notes text, created_at timestamptz, updated_at timestamptz
);

CREATE TABLE processed_meetings (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    meeting_id text NOT NULL UNIQUE, title text, meeting_date timestamptz, duration numeric(8,2), transcript text, summary text,
    key_decisions jsonb, blockers jsonb, action_items jsonb, executive_summary text, outcomes jsonb, success boolean,
    processed_at timestamptz
);

CREATE TABLE meeting_metadata (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    meeting_id text NOT NULL REFERENCES processed_meetings (meeting_id), meeting_title text, meeting_type text,
    project_key text REFERENCES projects (key), participants jsonb, is_recurring boolean, health_score integer, topics jsonb,
    last_occurrence timestamptz, created_at timestamptz, updated_at timestamptz
);

CREATE TABLE todo_items (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    title text NOT NULL, description text, status text NOT NULL DEFAULT 'pending', priority text, assignee text, due_date date,
    project_key text REFERENCES projects (key), source_meeting_id text, user_id integer REFERENCES users,
    completed_at timestamptz, completion_notes text, created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz,
    -- what revision 1923d6037f6e drops
    source text
);

CREATE TABLE escalation_preferences (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id integer NOT NULL REFERENCES users, enable_auto_escalation boolean, enable_dm_escalation boolean,
    enable_channel_escalation boolean, dm_threshold_days integer, channel_threshold_days integer, critical_threshold_days integer,
    channel_id text, created_at timestamptz, updated_at timestamptz
);

CREATE TABLE proactive_insights (
    id text PRIMARY KEY,
    user_id integer NOT NULL REFERENCES users, project_key text REFERENCES projects (key), insight_type text, title text,
    description text, severity text, metadata_json jsonb, created_at timestamptz, dismissed_at timestamptz, acted_on_at timestamptz
);

CREATE TABLE escalation_history (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    insight_id text NOT NULL REFERENCES proactive_insights, escalation_type text, escalation_target text, severity text,
    message_sent text, success boolean, error_message text, created_at timestamptz
);

CREATE TABLE user_notification_preferences (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id integer NOT NULL REFERENCES users, daily_brief_slack boolean, daily_brief_email boolean, brief_time text,
    enable_stale_pr_alerts boolean, enable_budget_alerts boolean, enable_missing_ticket_alerts boolean,
    budget_threshold integer, created_at timestamptz, updated_at timestamptz
);

CREATE TABLE user_watched_projects (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id integer NOT NULL REFERENCES users, project_key text NOT NULL REFERENCES projects (key), created_at timestamptz,
    UNIQUE (user_id, project_key)
);

CREATE TABLE feedback_items (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id integer REFERENCES users, recipient text, content text, status text, created_at timestamptz, updated_at timestamptz
);

CREATE TABLE learnings (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    title text NOT NULL, content text, category text, source text, submitted_by_id integer REFERENCES users,
    tags jsonb, is_archived boolean, created_at timestamptz, updated_at timestamptz
);

CREATE TABLE slack_sessions (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    session_id text NOT NULL UNIQUE, user_id text, channel_id text, state jsonb, created_at timestamptz, updated_at timestamptz
);

CREATE TABLE job_executions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job_name text NOT NULL, task_id text, status text, started_at timestamptz, completed_at timestamptz,
    duration_seconds numeric(10,3), error_message text, retry_count integer, worker text,
    priority integer, result_data jsonb
);

CREATE TABLE backfill_progress (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job_name text NOT NULL, batch_id text, start_date date, end_date date, status text, items_total integer,
    items_processed integer, error_message text, created_at timestamptz, updated_at timestamptz
);

CREATE TABLE celery_taskmeta (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task_id varchar(155) UNIQUE, status varchar(50), result bytea, date_done timestamp, traceback text, name varchar(155),
    args bytea, kwargs bytea, worker varchar(155), retries integer, queue varchar(155)
);

CREATE TABLE celery_tasksetmeta (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    taskset_id varchar(155) UNIQUE, result bytea, date_done timestamp
);

CREATE TABLE system_settings (
    key text PRIMARY KEY,
    value jsonb NOT NULL, value_type text NOT NULL DEFAULT 'string', category text, description text,
    is_secret boolean NOT NULL DEFAULT false, updated_by integer REFERENCES users, updated_at timestamptz
);
