SELECT text, avg(amount) AS a, avg(tiny) AS b FROM gold.kinds GROUP BY text HAVING count(*) > 1 ORDER BY text
SELECT truth, text, sum(whole) AS s FROM gold.kinds GROUP BY ROLLUP (truth, text)
SELECT count(*), count(text), count(DISTINCT text), sum(whole), avg(amount), round(avg(double), 3), min(lower(text)), sum(whole) / count(*), max(double) - min(double), sum(amount * 2), sum(whole) > 3 FROM gold.kinds
SELECT DISTINCT text FROM gold.kinds ORDER BY text DESC
SELECT id, e FROM gold.kinds LATERAL VIEW explode(list) x AS e
SELECT id, explode(list) FROM gold.kinds
WITH a AS (SELECT text, count(*) AS n FROM gold.kinds GROUP BY 1) SELECT k.id, a.n FROM gold.kinds k JOIN a USING (text)
SELECT k.id FROM gold.kinds k LEFT ANTI JOIN gold.kinds o ON o.id = k.whole
SELECT a.id, b.id FROM gold.kinds a FULL OUTER JOIN gold.kinds b ON a.id = b.whole AND b.text <=> a.text
SELECT text FROM gold.kinds UNION SELECT 'more' EXCEPT SELECT 'fraud'
SELECT id, text FROM gold.kinds ORDER BY text NULLS LAST, id DESC LIMIT 7 OFFSET 2
SELECT * EXCEPT (list), Item.Number FROM gold.kinds WHERE NOT EXISTS (SELECT 1 FROM gold.kinds o WHERE o.id = whole)
SELECT ID, iD AS Id, kinds.whole FROM gold.kinds WHERE text NOT IN (SELECT text FROM gold.kinds WHERE text = 'fraud')
SELECT time, double AS double FROM gold.kinds WHERE double > 0.5 AND whole / 2 > 1 ORDER BY time
SELECT id FROM gold.kinds WHERE whole > 1 AND (whole IN (SELECT max(whole) FROM gold.kinds) AND text NOT IN (SELECT text FROM gold.kinds WHERE text = 'fraud'))
FROM gold.kinds SELECT count(*)
SELECT 1, 'a', 1.5 AS b, current_date() > DATE'2020-01-01' AS c
SELECT * FROM gold.mapped
SELECT reason, count(*) AS rows FROM gold.mapped GROUP BY ALL
SELECT transaction_id FROM spark_catalog.gold.transaction_scores WHERE decision = 'fraud' AND NOT is_backfill
SELECT DISTINCT customer_id FROM spark_catalog.silver.transactions
SELECT transaction_id FROM spark_catalog.gold.fraud_transactions WHERE NOT is_backfill
