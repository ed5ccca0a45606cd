# First steps: the alerts of the last month as CSV, one file a day.
#
#   export AZURE_TENANT_ID=... AZURE_CLIENT_ID=... AZURE_CLIENT_SECRET=...
#   kustash plan  -var workspace_id=<guid>
#   kustash apply -var workspace_id=<guid>

variable "workspace_id" {
  type        = string
  description = "Log Analytics workspace id: the GUID, not the name"
}

variable "endpoint" {
  type        = string
  description = "Address of the query API; another one for a private endpoint or the emulator"
  default     = "https://api.loganalytics.io"
}

variable "authority" {
  type        = string
  description = "Address that issues tokens"
  default     = "https://login.microsoftonline.com"
}

credential "client_secret" "reader" {}

workspace "soc" {
  workspace_id = var.workspace_id
  auth         = credential.reader
  endpoint     = var.endpoint
  authority    = var.authority
}

sink "local" "alerts" {
  path   = "alerts"
  layout = "{year}/{month}"
  format "csv" {}
}

query "alerts" {
  workspace = workspace.soc

  kql = <<-KQL
    SecurityAlert
    | where AlertSeverity in ("High", "Medium")
    | project TimeGenerated, AlertName, AlertSeverity, CompromisedEntity, Tactics, Entities
  KQL

  window {
    start = "now-30d"
    slice = "1d"
  }

  sinks = [sink.alerts]
}

output "folder" {
  value = sink.alerts.path
}
