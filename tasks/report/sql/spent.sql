-- Success against evaluations spent, exactly: all draws of a problem are ranked by a score, the first
-- e judged. Tied draws are judged in any order alike: where e ends inside a group of `size` tied ones
-- with `hits` fast ones, and none is fast before, r of them are judged and miss with
-- avoids(size, hits, r). Where a draw has no log-probability, all tie. Seconds: what those e cost,
-- null where a problem's were not recorded. Over the problems of all curves (`compared`).
WITH drawn AS (
    SELECT
        run_id, suite, level, problem_id, correct AND fast_1 AS hit, judge_seconds, n,
        if(bool_or(mean_logprob IS NULL OR isnan(mean_logprob)) OVER of_problem, 0, mean_logprob)
            AS logprob
    FROM judged
    JOIN compared([$runs]) USING (run_id, suite, level, problem_id)
    WINDOW of_problem AS (PARTITION BY run_id, suite, level, problem_id)
),
tied AS (
    SELECT
        run_id, suite, level, problem_id, n, strategy, score,
        count(*) AS size, count(*) FILTER (hit) AS hits,
        coalesce(sum(judge_seconds), 0) AS seconds, count(judge_seconds) = count(*) AS timed
    FROM drawn
    CROSS JOIN LATERAL (VALUES ('surprisal', -logprob), ('confidence', logprob), ('random', 0))
        AS scores(strategy, score)
    GROUP BY ALL
),
placed AS (
    SELECT
        *,
        sum(size) OVER best_first - size AS ahead,
        sum(hits) OVER best_first - hits AS hits_ahead,
        sum(seconds) OVER best_first - seconds AS seconds_ahead,
        bool_and(timed) OVER best_first AS timed_so_far
    FROM tied
    WINDOW best_first AS (
        PARTITION BY run_id, suite, level, problem_id, strategy ORDER BY score DESC
    )
),
spent AS (
    SELECT
        run_id, suite, level, problem_id, strategy, evaluations,
        if(hits_ahead > 0, 1, 1 - avoids(size, hits, least(evaluations, n) - ahead)) AS fast_1,
        if(timed_so_far, seconds_ahead + seconds * (least(evaluations, n) - ahead) / size, NULL)
            AS judge_seconds
    FROM placed
    CROSS JOIN (SELECT (2 ** e)::BIGINT AS evaluations FROM range(0, 31) AS exponents(e))
    WHERE ahead < least(evaluations, n) AND least(evaluations, n) <= ahead + size
),
by_problem AS (
    SELECT
        suite, level, problem_id, strategy, evaluations, avg(fast_1) AS fast_1,
        avg(judge_seconds) AS judge_seconds
    FROM spent
    GROUP BY ALL
)
SELECT
    strategy, evaluations, avg(fast_1) AS fast_1,
    if(count(judge_seconds) = count(*), avg(judge_seconds), NULL) AS judge_seconds,
    count(*) AS problems
FROM by_problem
WHERE evaluations <= (SELECT max(n) FROM drawn)
GROUP BY strategy, evaluations
ORDER BY strategy, evaluations
