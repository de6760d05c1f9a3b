whole + 1
whole - big
-whole
whole * big
whole / 4
whole / (abs(double) + 1)
double / 3
double * double
whole % 3
amount + amount
amount - 1
amount * 2
amount * amount
amount * 1.5
amount / (abs(double) + 1)
amount + double
-amount
abs(amount)
abs(double)
abs(whole)
round(double)
round(double, 1)
round(double, 2)
round(amount, 1)
round(whole)
floor(double)
ceil(double)
floor(amount)
ceil(amount)
floor(whole)
2.5 * whole
whole + 0.25
CAST(double AS BIGINT)
CAST(amount AS INT)
CAST(whole AS STRING)
CAST(whole AS DECIMAL(10,2))
CAST(amount AS DOUBLE)
CAST(day AS TIMESTAMP)
CAST(time AS DATE)
CAST(day AS STRING)
CAST(truth AS STRING)
CAST(NULL AS DATE)
double > amount
whole = double
amount >= 0.5
day >= '2025-03-01'
time < '2025-02-01 12:00:00'
time >= day
text = 'fraud'
text <=> NULL
text <=> 'fraud'
text IS NULL
text IS NOT NULL
isnull(text)
isnotnull(whole)
NOT truth
truth AND whole > 1
truth OR double > 0
text LIKE '%r%'
text LIKE 'T_'
text ILIKE 'FRAUD'
text RLIKE '^[a-z ]+'
text || '-'
concat(text, 'x', text)
lower(text)
upper(text)
length(text)
substring(text, 2, 3)
substr(text, 2)
startswith(text, 'f')
coalesce(text, 'none')
nvl(whole, 0)
coalesce(amount, 0)
nullif(text, 'fraud')
greatest(whole, 2)
least(day, day)
year(day)
month(time)
day(day)
quarter(day)
hour(time)
minute(time)
date_trunc('week', day)
date_trunc('hour', time)
date_trunc('MONTH', time)
trunc(day, 'month')
date_add(day, 3)
date_sub(day, whole)
day + 1
datediff(day, time)
day + INTERVAL 1 DAY
day - INTERVAL 1 MONTH
time + INTERVAL 2 HOURS
time - INTERVAL '1' DAY
date(time)
to_date(time)
size(list)
array_size(list)
array_contains(list, 'fraud')
item.number
t.item.word
item
list
double
time
day
1.50
1e3
'x'
TRUE
NULL
12345678901
CASE WHEN whole > 3 THEN 'a' WHEN truth THEN 'b' END
CASE text WHEN 'fraud' THEN 1 ELSE 0.5 END
if(truth, double, whole)
row_number() OVER (PARTITION BY text ORDER BY id)
rank() OVER (ORDER BY whole)
sum(whole) OVER (PARTITION BY text)
lag(whole) OVER (ORDER BY id)
sum(amount) OVER (ORDER BY id)
avg(double) OVER (PARTITION BY truth)
ntile(3) OVER (ORDER BY id)
sum(whole) OVER (ORDER BY id ROWS BETWEEN 2 PRECEDING AND CURRENT ROW)
first_value(text) OVER (ORDER BY id)
text IN ('fraud', 'x')
text NOT IN ('fraud', '')
whole BETWEEN 0 AND 3
TIMESTAMP'2025-01-01 00:00:00'
day > DATE'2025-06-01'
DATE'2025-01-31' + INTERVAL 1 MONTH
(SELECT count(*) FROM gold.kinds WHERE whole > t.id)
round(double * 100.0, 1)
(double - 0.5) / 2
round(coalesce(double, 0.5), 1)
round(CAST(whole AS DECIMAL(10,2)) * double, 1)
