-- What the source of an import said of its kernels, beside what was judged: those that do not hold
-- first. At most 40 draws; the view `claims` has all.
SELECT
    suite, level, problem_id, run_id, sample_index, claimed_correct, status, claimed_speedup,
    speedup, speedup_low, speedup_high, upheld,
    count(*) OVER () AS made,
    count(upheld) OVER () AS told,
    count(*) FILTER (upheld) OVER () AS kept
FROM claims
WHERE run_id IN ($runs)
ORDER BY upheld NULLS LAST, level, problem_id, suite, run_id, sample_index
LIMIT 40
