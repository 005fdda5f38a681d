-- One row per run: what was asked, and how much of it is there, of the base model's draws.
CREATE OR REPLACE VIEW run_summary AS
WITH totals AS (
    SELECT
        run_id,
        count(*) AS problems,
        sum(n)::BIGINT AS candidates,
        sum(n_judged)::BIGINT AS judged,
        sum(n_correct)::BIGINT AS correct,
        sum(n_fast_1)::BIGINT AS fast_1,
        max(best_speedup) AS best_speedup
    FROM problem_summary
    GROUP BY run_id
)
SELECT
    r.run_id,
    r.created_at,
    r.kind,
    r.profile,
    r.suite,
    r.policy,
    r.policy_id,
    r.k,
    r.seed,
    coalesce(t.problems, 0) AS problems,
    coalesce(t.candidates, 0) AS candidates,
    coalesce(t.judged, 0) AS judged,
    coalesce(t.correct, 0) AS correct,
    coalesce(t.fast_1, 0) AS fast_1,
    t.best_speedup
FROM runs_latest AS r
LEFT JOIN totals AS t USING (run_id);
