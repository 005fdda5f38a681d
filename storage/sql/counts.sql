-- One row per run and problem: draws with a verdict, correct and fast ones, as of the run's last
-- selection. Small whatever the lake holds; `judged` counts afresh. (Of one draw chosen at random the
-- chance to be fast is the share of fast ones.)
CREATE OR REPLACE VIEW counts AS
SELECT
    run_id, suite, level, problem_id, n, n_correct,
    round(n * fast_1)::BIGINT AS n_fast_1,
    computed_at
FROM selections_latest
WHERE strategy = 'random' AND k = 1;
