-- Rows for every table, the same at each run. `projects`, `todo_items`, `users` and `system_settings` get values
-- that would be missed; the rest is filled by the type of each column, in the order of creation, so that every
-- foreign key finds its row.

INSERT INTO users (email, name, role, time_zone, last_login_at)
SELECT format('person%s@example.com', n), format('Person %s', n), CASE WHEN n = 1 THEN 'admin' ELSE 'member' END,
       'Europe/Berlin', timestamptz '2025-01-01 09:00+00' + n * interval '1 hour'
FROM generate_series(1, 40) AS n;

-- None of the twelve columns holds its default anywhere: what comes back as a default is a value lost.
INSERT INTO projects (key, name, client_name, budget_hours, hourly_rate, project_work_type, total_hours, cumulative_hours,
                      weekly_meeting_day, retainer_hours, send_meeting_emails, start_date, launch_date, description, lead,
                      show_budget_tab)
SELECT format('PRJ-%s', n), format('Project %s', n), format('Client %s', 1 + n % 9), 200 + n * 10, 95 + n % 4 * 10,
       (ARRAY['growth-support', 'resource', 'n-a'])[1 + n % 3], 120 + n * 7.5, 40 + n * 3.25,
       (ARRAY['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday'])[1 + n % 5], 10 + n % 8 * 5, true,
       date '2024-01-08' + n * 7, date '2024-07-01' + n * 7, format('What client %s was promised', 1 + n % 9),
       format('Person %s', 1 + n % 40), false
FROM generate_series(1, 40) AS n;

INSERT INTO todo_items (title, description, priority, assignee, due_date, project_key, user_id, source)
SELECT format('To do %s', n), format('Agreed in meeting %s', n), (ARRAY['low', 'normal', 'high'])[1 + n % 3],
       format('Person %s', 1 + n % 40), date '2025-02-01' + n % 60, format('PRJ-%s', 1 + n % 40), 1 + n % 40,
       (ARRAY['meeting_analysis', 'slack', 'manual'])[1 + n % 3]
FROM generate_series(1, 300) AS n;

INSERT INTO system_settings (key, value, category, description, updated_by)
SELECT format('setting.%s', n), to_jsonb(format('value %s', n)), 'general', format('Set by hand in production, %s', n), 1
FROM generate_series(1, 25) AS n;

DO $$
DECLARE
    target record;
BEGIN
    FOR target IN
        SELECT class.relname,
               string_agg(quote_ident(attname), ', ' ORDER BY attnum) AS columns,
               string_agg(CASE
                   WHEN attname = 'project_key' THEN $v$format('PRJ-%s', n)$v$
                   WHEN atttypid IN ('integer'::regtype, 'bigint'::regtype, 'numeric'::regtype) THEN 'n'
                   WHEN atttypid = 'boolean'::regtype THEN 'n % 2 = 0'
                   WHEN atttypid = 'date'::regtype THEN $v$date '2025-01-01' + n$v$
                   WHEN atttypid IN ('timestamptz'::regtype, 'timestamp'::regtype)
                       THEN $v$timestamptz '2025-01-01 00:00+00' + n * interval '1 hour'$v$
                   WHEN atttypid = 'jsonb'::regtype THEN $v$jsonb_build_object('n', n)$v$
                   WHEN atttypid = 'bytea'::regtype THEN $v$convert_to(n::text, 'UTF8')$v$
                   -- One text for columns that reference each other by value.
                   WHEN attname IN ('category', 'meeting_id', 'insight_id', 'id') OR class.relname = 'epic_categories'
                       THEN $v$format('value %s', n)$v$
                   ELSE format('format(%L, n)', attname || ' %s')
               END, ', ' ORDER BY attnum) AS values
        FROM pg_class AS class JOIN pg_attribute ON attrelid = class.oid
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0 AND attidentity = ''
          AND relname NOT IN ('alembic_version', 'users', 'projects', 'todo_items', 'system_settings')
        GROUP BY class.oid, class.relname
        ORDER BY class.oid
    LOOP
        EXECUTE format('INSERT INTO public.%I (%s) SELECT %s FROM generate_series(1, 40) AS n',
                       target.relname, target.columns, target.values);
    END LOOP;
END
$$;
