# A nightly job. Each run reads what has settled since the last one, and
# whatever an earlier run could not; see nightly.sh and README.md.

variable "workspace_id" { type = string }

variable "archive" {
  type        = string
  description = "Folder of the archive, on a disk that is backed up"
  default     = "/srv/sentinel-archive"
}

variable "endpoint" {
  type    = string
  default = "https://api.loganalytics.io"
}

variable "authority" {
  type    = string
  default = "https://login.microsoftonline.com"
}

kustash {
  state "local" { path = "${var.archive}/state" }
}

credential "client_secret" "nightly" {
  tenant_id     = env("AZURE_TENANT_ID")
  client_id     = env("AZURE_CLIENT_ID")
  client_secret = env("AZURE_CLIENT_SECRET")
}

workspace "soc" {
  workspace_id = var.workspace_id
  auth         = credential.nightly
  endpoint     = var.endpoint
  authority    = var.authority
}

sink "local" "archive" {
  path = "${var.archive}/data"
  format "parquet" {}
}

query "signins" {
  workspace = workspace.soc
  kql       = file("signins.kql")

  window {
    start  = "now-14d"
    settle = "1h"
  }

  sinks = [sink.archive]
}

query "audit" {
  workspace = workspace.soc
  kql       = "AuditLogs"

  window {
    start  = "now-14d"
    settle = "1h"
  }

  sinks = [sink.archive]
}
