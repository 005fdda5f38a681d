-- What the correct draw with the highest score is worth among k, problem by problem and exactly.
-- `score` is an expression over the columns of `judged`, such as -mean_logprob. Of the correct draws
-- in order of score, those tied from rank a to b-1 are together picked with probability
-- avoids(a) - avoids(b), shared evenly. Where a draw has no score, all tie. The speedup is null where a
-- correct draw has none; all is null where k draws cannot be had.
CREATE OR REPLACE MACRO strategy_at_k(score, k) AS TABLE
WITH drawn AS (
    SELECT
        run_id, suite, level, problem_id, correct, fast_1,
        if(speedup > 0 AND isfinite(speedup), speedup, NULL) AS speedup, score AS given,
        count(*) OVER (PARTITION BY run_id, suite, level, problem_id) AS n
    FROM judged
),
scored AS (
    SELECT
        *,
        if(bool_or(given IS NULL OR isnan(given::DOUBLE)) OVER (
            PARTITION BY run_id, suite, level, problem_id
        ), 0, given) AS rank_by
    FROM drawn
),
picked AS (
    SELECT
        *,
        rank() OVER (of_problem ORDER BY rank_by DESC) - 1 AS ahead,
        count(*) OVER (PARTITION BY run_id, suite, level, problem_id, rank_by) AS tied
    FROM scored
    WHERE correct
    WINDOW of_problem AS (PARTITION BY run_id, suite, level, problem_id)
),
worth AS (
    SELECT
        run_id, suite, level, problem_id,
        sum((avoids(n, ahead, k) - avoids(n, ahead + tied, k)) / tied
            * if(fast_1, 1, 0)) AS fast_1,
        if(
            count(speedup) = count(*),
            sum((avoids(n, ahead, k) - avoids(n, ahead + tied, k)) / tied * speedup),
            'nan'
        ) AS speedup_mean
    FROM picked
    GROUP BY run_id, suite, level, problem_id
),
counts AS (
    SELECT
        run_id, suite, level, problem_id, any_value(n) AS n,
        pass_at_k(any_value(n), count(*) FILTER (correct), k) AS success
    FROM drawn
    GROUP BY run_id, suite, level, problem_id
)
SELECT
    c.run_id, c.suite, c.level, c.problem_id, c.n, c.success,
    if(c.success IS NULL, NULL, coalesce(w.fast_1, 0)) AS fast_1,
    if(c.success IS NULL, NULL, nullif(coalesce(w.speedup_mean, 0), 'nan')) AS speedup_mean
FROM counts AS c
LEFT JOIN worth AS w USING (run_id, suite, level, problem_id);
