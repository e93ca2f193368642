-- Judges changes of a column's type, by what PostgreSQL makes of the values and by what the guard says. Nothing that is
-- tried here stays: each try ends with an error of its own, 00DID, which carries the answer.
CREATE SCHEMA judge;

CREATE TABLE judge.type (number integer PRIMARY KEY, name text NOT NULL, one_way text[] NOT NULL);

CREATE TABLE judge.finding (setting text, source text, target text, is_cast boolean, truth text, example text, state text);

-- Makes a type known: its samples in table judge.sample_N, one of them alone in judge.one_N. Of `liked`, another type's
-- samples, those that the type takes. A value that can't be written and read again is none.
CREATE FUNCTION judge.add_type(type_number integer, type_name text, samples text[], liked text, one_way text[])
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  sample text;
  value text;
BEGIN
  INSERT INTO judge.type VALUES (type_number, type_name, one_way);
  EXECUTE format('CREATE TABLE judge.sample_%s (n serial, c %s)', type_number, type_name);
  IF liked IS NOT NULL THEN
    FOR value IN EXECUTE format('SELECT format(''%%s'', c) FROM judge.sample_%s WHERE c IS NOT NULL ORDER BY n',
                                (SELECT number FROM judge.type WHERE name = liked)) LOOP
      BEGIN
        EXECUTE format('INSERT INTO judge.sample_%s (c) VALUES (%L) RETURNING c', type_number, value) INTO value;
        EXECUTE format('SELECT CAST(%L AS %s)', value, type_name);
      EXCEPTION WHEN data_exception OR integrity_constraint_violation OR undefined_table THEN
        NULL;
      END;
    END LOOP;
  END IF;
  FOREACH sample IN ARRAY samples LOOP
    EXECUTE format('INSERT INTO judge.sample_%s (c) VALUES (%s)', type_number, sample);
  END LOOP;
  EXECUTE format('CREATE TABLE judge.one_%s AS SELECT n, c FROM judge.sample_%1$s ORDER BY n LIMIT 1', type_number);
  EXECUTE format('INSERT INTO judge.sample_%s (c) VALUES (NULL)', type_number);
END $$;

-- What ALTER COLUMN is told; USING with a cast or without.
CREATE FUNCTION judge.change(target text, is_cast boolean)
RETURNS text IMMUTABLE LANGUAGE sql AS $$
  SELECT 'TYPE ' || target || CASE WHEN is_cast THEN ' USING c::' || target ELSE '' END
$$;

-- The SQLSTATE that a change of one row ends with; 00DID if it passes. %T in a change is the name of the table.
CREATE FUNCTION judge.state(source integer, change text)
RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('ALTER TABLE judge.one_%s ALTER COLUMN c %s', source, replace(change, '%T', 'one_' || source));
  RAISE EXCEPTION SQLSTATE '00DID';
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE;
END $$;

CREATE PROCEDURE judge.alter_samples(source integer, change text)
LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('ALTER TABLE judge.sample_%s ALTER COLUMN c %s', source, replace(change, '%T', 'sample_' || source));
END $$;

-- A table's values, written as pg_dump has them written, but for blanks at the end of char: they have no meaning.
CREATE FUNCTION judge.values_of(type_table text)
RETURNS text[] LANGUAGE plpgsql SET TimeZone = 'UTC' SET DateStyle = 'ISO' SET IntervalStyle = 'postgres'
SET bytea_output = 'hex' SET extra_float_digits = 3 AS $$
DECLARE
  written text := 'format(''%s'', c)';
  result text[];
BEGIN
  IF (SELECT atttypid FROM pg_attribute WHERE attrelid = ('judge.' || type_table)::regclass AND attname = 'c')
     = 'bpchar'::regtype THEN
    written := 'c::text';
  END IF;
  EXECUTE format('SELECT array_agg(CASE num_nulls(c) WHEN 0 THEN %s END ORDER BY n) FROM judge.%s', written, type_table)
    INTO result;
  RETURN coalesce(result, '{}');
END $$;

-- Removes those samples that can't be converted: to a type or, slower, by any change.
CREATE FUNCTION judge.remove_failing(source integer, target text, is_cast boolean)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  passing regclass := 'judge.one_' || (SELECT number FROM judge.type WHERE name = target);
  sample integer;
BEGIN
  FOR sample IN EXECUTE format('SELECT n FROM judge.sample_%s', source) LOOP
    BEGIN
      EXECUTE format('INSERT INTO %s (c) SELECT c%s FROM judge.sample_%s WHERE n = %s', passing,
                     CASE WHEN is_cast THEN '::' || target ELSE '' END, source, sample);
    EXCEPTION WHEN OTHERS THEN
      EXECUTE format('DELETE FROM judge.sample_%s WHERE n = %s', source, sample);
    END;
  END LOOP;
END $$;

CREATE FUNCTION judge.remove_failing(source integer, change text)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  samples integer[];
  sample integer;
BEGIN
  EXECUTE format('SELECT array_agg(n) FROM judge.sample_%s', source) INTO samples;
  FOREACH sample IN ARRAY samples LOOP
    BEGIN
      EXECUTE format('DELETE FROM judge.sample_%s WHERE n <> %s', source, sample);
      CALL judge.alter_samples(source, change);
      RAISE EXCEPTION SQLSTATE '00DID';
    EXCEPTION
      WHEN SQLSTATE '00DID' THEN
        NULL;
      WHEN OTHERS THEN
        EXECUTE format('DELETE FROM judge.sample_%s WHERE n = %s', source, sample);
    END;
  END LOOP;
END $$;

-- The change back: as told, as an assignment or, if there is none, by a cast. Says how it ended: 'back', 'none' or an error.
CREATE FUNCTION judge.change_back(source integer, change_back text)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  type_name text := (SELECT name FROM judge.type WHERE number = source);
BEGIN
  IF change_back IS NOT NULL THEN
    CALL judge.alter_samples(source, change_back);
    RETURN 'back';
  END IF;
  BEGIN
    CALL judge.alter_samples(source, judge.change(type_name, false));
    RETURN 'back';
  EXCEPTION WHEN datatype_mismatch THEN
    NULL;
  END;
  CALL judge.alter_samples(source, judge.change(type_name, true));
  RETURN 'back';
EXCEPTION
  WHEN cannot_coerce THEN
    RETURN 'none';
  WHEN OTHERS THEN
    RETURN SQLERRM;
END $$;

-- The samples before, after and back again. The change is to a type, or else any other.
CREATE FUNCTION judge.convert(source integer, target text, is_cast boolean, change text, change_back text, only_passing boolean)
RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  type_table text := 'sample_' || source;
  before text[];
  after text[];
  back text[];
  way_back text := 'none';
  answer text;
BEGIN
  IF only_passing AND target IS NOT NULL THEN
    PERFORM judge.remove_failing(source, target, is_cast);
  ELSIF only_passing THEN
    PERFORM judge.remove_failing(source, change);
  END IF;
  before := judge.values_of(type_table);
  CALL judge.alter_samples(source, change);
  after := judge.values_of(type_table);
  IF coalesce(target <> ALL ((SELECT one_way FROM judge.type WHERE number = source)::text[]), true) THEN
    way_back := judge.change_back(source, change_back);
  END IF;
  back := CASE way_back WHEN 'back' THEN judge.values_of(type_table) ELSE before END;
  RAISE EXCEPTION SQLSTATE '00DID' USING DETAIL = jsonb_build_object('before', before, 'after', after, 'back', back,
                                                                     'way_back', way_back);
EXCEPTION WHEN SQLSTATE '00DID' THEN
  GET STACKED DIAGNOSTICS answer = PG_EXCEPTION_DETAIL;
  RETURN answer;
END $$;

-- What PostgreSQL does to the samples: 'refused', 'kept', or 'lost' with an example. Those that make it fail are kept.
CREATE FUNCTION judge.truth(source integer, target text, is_cast boolean, change text, change_back text,
                            OUT truth text, OUT example text)
LANGUAGE plpgsql AS $$
DECLARE
  run jsonb;
BEGIN
  BEGIN
    run := judge.convert(source, target, is_cast, change, change_back, false);
  EXCEPTION
    WHEN datatype_mismatch OR cannot_coerce THEN
      truth := 'refused';
      RETURN;
    WHEN OTHERS THEN
      run := judge.convert(source, target, is_cast, change, change_back, true);
  END;
  IF run->>'way_back' NOT IN ('back', 'none') THEN
    truth := 'lost';
    example := 'no way back: ' || (run->>'way_back');
    RETURN;
  END IF;
  WITH sample AS (
    SELECT before, after, back FROM ROWS FROM (
      jsonb_array_elements_text(run->'before'), jsonb_array_elements_text(run->'after'),
      jsonb_array_elements_text(run->'back')) AS value (before, after, back))
  SELECT format('%L becomes %L, and so does %L', one.before, one.after, other.before) INTO example
    FROM sample one JOIN sample other ON one.after IS NOT DISTINCT FROM other.after AND one.before < other.before
  UNION ALL
  SELECT format('%L becomes %L and, changed back, %L', before, after, back)
    FROM sample WHERE before IS DISTINCT FROM back OR (before IS NULL) <> (after IS NULL)
  LIMIT 1;
  truth := CASE WHEN example IS NULL THEN 'kept' ELSE 'lost' END;
END $$;

-- Judges every change between types of these names. The share, 0 or 1, tells which source types are this session's.
CREATE PROCEDURE judge.run(setting text, names text[], share integer)
LANGUAGE plpgsql AS $$
DECLARE
  source record;
BEGIN
  FOR source IN SELECT * FROM judge.type WHERE name = ANY (names) AND number % 2 = share LOOP
    SET schema_guard.mode = off;
    CREATE TEMPORARY TABLE truths AS
      SELECT target.name AS target, is_cast, judged.*
        FROM judge.type AS target CROSS JOIN (VALUES (false), (true)) AS form (is_cast),
             judge.truth(source.number, target.name, is_cast, judge.change(target.name, is_cast), NULL) AS judged
       WHERE target.name = ANY (names);
    SET schema_guard.mode = enforce;
    INSERT INTO judge.finding
      SELECT setting, source.name, target, is_cast, truth, example, judge.state(source.number, judge.change(target, is_cast))
        FROM truths;
    SET schema_guard.mode = off;
    DROP TABLE truths;
    COMMIT;
  END LOOP;
END $$;

-- The SQLSTATE that a change ends with if there are no values; 00DID if PostgreSQL knows how to do it.
CREATE FUNCTION judge.refusal(source integer, change text)
RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('DELETE FROM judge.one_%s', source);
  RAISE EXCEPTION SQLSTATE '00DID' USING DETAIL = judge.state(source, change);
EXCEPTION WHEN SQLSTATE '00DID' THEN
  GET STACKED DIAGNOSTICS change = PG_EXCEPTION_DETAIL;
  RETURN change;
END $$;

-- One change, whatever it is.
CREATE FUNCTION judge.attempt(type_name text, change text, change_back text,
                              OUT refusal text, OUT state text, OUT truth text, OUT example text)
LANGUAGE plpgsql AS $$
DECLARE
  source integer := (SELECT number FROM judge.type WHERE name = type_name);
BEGIN
  PERFORM set_config('schema_guard.mode', 'off', false);
  refusal := judge.refusal(source, change);
  truth := 'refused';
  IF refusal = '00DID' THEN
    SELECT * INTO truth, example FROM judge.truth(source, NULL, NULL, change, change_back);
  END IF;
  PERFORM set_config('schema_guard.mode', 'enforce', false);
  state := judge.state(source, change);
  PERFORM set_config('schema_guard.mode', 'off', false);
END $$;
