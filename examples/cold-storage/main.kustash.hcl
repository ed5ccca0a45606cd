# Two copies of each query: Parquet on a disk for who works with it, and CSV in
# a cool container of Azure Blob Storage for ten years. Each slice is read once.
# The state is in a container too, so that any machine can run the job.

variable "workspace_id" { type = string }

variable "account_url" {
  type        = string
  description = "Of the storage account, such as https://ACCOUNT.blob.core.windows.net"
}

variable "account_key" {
  type        = string
  description = "Left out, the credential below opens the containers, with the role Storage Blob Data Contributor"
  default     = null
  sensitive   = true
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
  state "azure_blob" {
    account_url = var.account_url
    account_key = var.account_key
    container   = "kustash-state"
    prefix      = "soc"
  }
}

credential "client_secret" "archiver" {
  tenant_id     = env("AZURE_TENANT_ID")
  client_id     = env("AZURE_CLIENT_ID")
  client_secret = env("AZURE_CLIENT_SECRET")
}

workspace "soc" {
  workspace_id = var.workspace_id
  auth         = credential.archiver
  endpoint     = var.endpoint
  authority    = var.authority
}

sink "local" "hot" {
  path = "archive"
  format "parquet" {}
}

sink "azure_blob" "cold" {
  account_url   = var.account_url
  account_key   = var.account_key
  container     = "sentinel"
  prefix        = "prod/"
  access_tier   = "cool"
  max_file_size = "256MB"
  metadata      = { owner = "soc" }
  format "csv" { compression = "gzip" }
}

query "events" {
  for_each  = toset(["SecurityEvent", "SigninLogs"])
  workspace = workspace.soc
  kql       = each.value
  window { start = "now-14d" }
  sinks = [sink.hot, sink.cold]
}
