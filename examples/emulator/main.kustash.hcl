# A pipeline as it would run against a real workspace. Only the defaults of
# endpoint and authority make it so; "kustash emulator" sets the variables.

variable "workspace_id" {
  type        = string
  description = "Log Analytics workspace id: the GUID, not the name"
}

variable "endpoint" {
  type    = string
  default = "https://api.loganalytics.io"
}

variable "authority" {
  type    = string
  default = "https://login.microsoftonline.com"
}

variable "ca_file" {
  type     = string
  default  = null
  nullable = true
}

credential "client_secret" "reader" {}

workspace "shop" {
  workspace_id = var.workspace_id
  auth         = credential.reader
  endpoint     = var.endpoint
  authority    = var.authority
  ca_file      = var.ca_file
}

sink "local" "archive" {
  path = "archive"
  format "jsonl" {}
}

query "tables" {
  for_each  = toset(["Logins_CL", "Orders_CL"])
  workspace = workspace.shop
  kql       = each.value

  window {
    start = "2025-01-06"
    end   = "2025-01-08"
    slice = "1d"
  }

  sinks = [sink.archive]
}
