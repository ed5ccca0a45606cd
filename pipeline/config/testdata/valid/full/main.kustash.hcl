kustash {
  required_version = ">= 0.1, < 1"
  state "local" {
    path = "${local.root}/state"
  }
}

variable "workspace_id" {
  type        = string
  description = "Log Analytics workspace id"
  validation {
    condition     = length(var.workspace_id) == 36
    error_message = "A workspace id has 36 characters."
  }
}

variable "regions" {
  type = map(object({
    id    = string
    cloud = optional(string, "public")
  }))
  default = {
    eu = { id = "aaaaaaaa-2222-3333-4444-555555555555" }
    us = { id = "bbbbbbbb-2222-3333-4444-555555555555", cloud = "usgov" }
  }
}

variable "password" {
  type      = string
  sensitive = true
}

locals {
  tables = [for t in local.wanted : trimspace(t) if !startswith(t, "#")]
  wanted = split("\n", chomp(file("${path.module}/tables.txt")))
  root   = "data"
  tags   = { team = "soc", env = env("STAGE", "test") }
}

credential "client_secret" "archiver" {
  tenant_id     = env("AZURE_TENANT_ID")
  client_secret = env("AZURE_CLIENT_SECRET")
  limits {
    concurrency = 2
  }
}

workspace "soc" {
  workspace_id = var.workspace_id
  auth         = credential.archiver
  limits {
    rows    = 1000
    timeout = "1m30s"
  }
}

workspace "all" {
  for_each     = var.regions
  workspace_id = each.value.id
  cloud        = each.value.cloud
  auth "client_secret" {
    client_secret = var.password
  }
}

sink "local" "archive" {
  path = "${local.root}/archive"
  format "csv" {
    compression = "gzip"
  }
}

sink "blob" "cold" {
  for_each          = workspace.all
  url               = "https://acct.example/${each.key}"
  connection_string = "key=${var.password}"
  metadata          = local.tags
  layout            = "{workspace}/{query}/{month}"
  dynamic "tag" {
    for_each = local.tags
    content {
      name  = tag.key
      value = tag.value
    }
  }
}

query "events" {
  for_each  = toset(local.tables)
  workspace = workspace.soc
  kql       = each.value
  sinks     = concat([sink.archive], values(sink.cold))
  window {
    start    = "now-30d"
    end      = "now-1d12h"
    slice    = "6h"
    settle   = "1h"
    lookback = "1w"
  }
  late              = "ignore"
  on_change         = "forward"
  missing_table     = "error"
  schema            = "freeze"
  assume_sliceable  = true
}

query "regional" {
  for_each  = workspace.all
  workspace = each.value
  kql       = <<-KQL
    SecurityAlert
    | where Region == "${each.key}"
  KQL
  sinks     = [each.key == "eu" ? sink.cold["eu"] : sink.archive]
  window {
    start = "2026-01-01T00:00:00.0000001Z"
    end   = "2026-02-01"
  }
}

output "archive_path" {
  value       = sink.archive.path
  description = "Where it is"
}

output "password" {
  value     = upper(var.password)
  sensitive = true
}
