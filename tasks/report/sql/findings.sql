-- What the judge noticed, by rule and severity: in how many draws, distinct sources and problems,
-- and how many of those draws still count as correct.
WITH noticed AS (
    SELECT
        c.suite, c.level, c.problem_id, c.source_hash, e.correct,
        unnest(e.findings) AS finding
    FROM candidates AS c
    JOIN evaluations_latest AS e USING (run_id, suite, level, problem_id, source_hash)
    WHERE c.run_id IN ($runs) AND coalesce(c.arm, 'base') = 'base'
)
SELECT
    finding.rule AS rule,
    finding.severity AS severity,
    count(*) AS draws,
    count(*) FILTER (correct) AS correct_draws,
    count(DISTINCT source_hash) AS sources,
    count(DISTINCT (suite, level, problem_id)) AS problems,
    min(finding.message) AS example
FROM noticed
GROUP BY rule, severity
ORDER BY severity = 'convicted' DESC, severity = 'warning' DESC, draws DESC, rule
