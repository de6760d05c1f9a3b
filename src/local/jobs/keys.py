"""The keys of a Databricks job: those that the local runner honours, and those that only matter on Databricks."""

JOB_KEYS = frozenset({"name", "parameters", "max_concurrent_runs", "timeout_seconds", "tasks", "definitions"})
"""`definitions` holds YAML anchors only. At the top of a file the CLI would resolve what they refer to too early."""

JOB_KEYS_OF_DATABRICKS = frozenset(
    {
        "budget_policy_id",
        "continuous",
        "deployment",
        "description",
        "edit_mode",
        "email_notifications",
        "environments",
        "format",
        "git_source",
        "health",
        "job_clusters",
        "lifecycle",
        "notification_settings",
        "performance_target",
        "permissions",
        "queue",
        "run_as",
        "schedule",
        "tags",
        "trigger",
        "usage_policy_id",
        "webhook_notifications",
    }
)

TASK_KEYS = frozenset(
    {
        "task_key",
        "depends_on",
        "run_if",
        "notebook_task",
        "max_retries",
        "min_retry_interval_millis",
        "retry_on_timeout",
        "timeout_seconds",
    }
)

TASK_KEYS_OF_DATABRICKS = frozenset(
    {
        "compute",
        "description",
        "disable_auto_optimization",
        "email_notifications",
        "environment_key",
        "existing_cluster_id",
        "health",
        "job_cluster_key",
        "libraries",
        "new_cluster",
        "notification_settings",
        "webhook_notifications",
    }
)

NOTEBOOK_TASK_KEYS = frozenset({"notebook_path", "base_parameters", "source"})
NOTEBOOK_TASK_KEYS_OF_DATABRICKS = frozenset({"warehouse_id"})
"""A warehouse runs SQL notebooks; the notebooks here are Python."""

PARAMETER_KEYS = frozenset({"name", "default"})
DEPENDENCY_KEYS = frozenset({"task_key"})

OTHER_TASK_KINDS = frozenset(
    {
        "alert_task",
        "clean_rooms_notebook_task",
        "condition_task",
        "dashboard_task",
        "dbt_task",
        "for_each_task",
        "pipeline_task",
        "power_bi_task",
        "python_wheel_task",
        "run_job_task",
        "spark_jar_task",
        "spark_python_task",
        "spark_submit_task",
        "sql_task",
    }
)
"""Kinds of task that Databricks knows and the local runner does not run."""

RUN_IF = (
    "ALL_SUCCESS",
    "AT_LEAST_ONE_SUCCESS",
    "NONE_FAILED",
    "ALL_DONE",
    "AT_LEAST_ONE_FAILED",
    "ALL_FAILED",
)
