SELECT
    $suite AS suite,
    level,
    problem_id,
    'imported-' || level || '-' || problem_id || '-' || source_hash AS evaluation_id,
    source_hash,
    'imported' AS protocol,
    any_value(device) AS device,
    any_value(status) AS status,
    any_value(status) <> 'compile_error' AS compiled,
    any_value(correct) AS correct,
    any_value(fast_1) AS fast_1,
    any_value(speedup) AS speedup,
    any_value(speedup_low) AS speedup_low,
    any_value(speedup_high) AS speedup_high,
    any_value(runtime_ms) AS runtime_ms,
    any_value(reference_ms) AS reference_ms,
    0::INTEGER AS trials,
    []::STRUCT(rule VARCHAR, severity VARCHAR, message VARCHAR)[] AS findings,
    []::VARCHAR[] AS sandbox,
    $now::TIMESTAMPTZ AS evaluated_at
FROM draws
WHERE correct IS NOT NULL
GROUP BY level, problem_id, source_hash
ORDER BY level, problem_id, source_hash
