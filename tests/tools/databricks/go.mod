// The Databricks CLI, for tests and deployments by `make databricks-cli`; nothing of it is part of this project.
module tools/databricks

go 1.26.0

require github.com/databricks/cli v1.10.0
