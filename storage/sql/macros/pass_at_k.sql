-- P(at least one success among k of n draws, c of which succeed); null where `avoids` is.
CREATE OR REPLACE MACRO pass_at_k(n, c, k) AS 1 - avoids(n, c, k);
