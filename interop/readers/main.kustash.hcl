# The archives that readers.test.mjs has read: two tables in every form that
# files have. "kustash emulator" sets the variables.
variable "workspace_id" { type = string }
variable "endpoint" { type = string }
variable "authority" { type = string }

credential "client_secret" "reader" {}

workspace "w" {
  workspace_id = var.workspace_id
  endpoint     = var.endpoint
  authority    = var.authority
  auth         = credential.reader
}

locals {
  parquet = {
    zstd   = { compression = "zstd", datetime = "micros" }
    snappy = { compression = "snappy", datetime = "micros" }
    gzip   = { compression = "gzip", datetime = "micros" }
    none   = { compression = "none", datetime = "micros" }
    ns     = { compression = "zstd", datetime = "ns" }
    string = { compression = "zstd", datetime = "string" }
  }
}

sink "local" "parquet" {
  for_each = local.parquet
  path     = "parquet-${each.key}"
  layout   = "{query}"
  format "parquet" {
    compression      = each.value.compression
    datetime         = each.value.datetime
    datetime_columns = each.value.datetime == "ns" ? { Edge = "micros" } : {}
  }
}

sink "local" "csv" {
  for_each = toset(["none", "gzip"])
  path     = "csv-${each.key}"
  layout   = "{query}"
  format "csv" { compression = each.key }
}

sink "local" "jsonl" {
  for_each = toset(["none", "gzip"])
  path     = "jsonl-${each.key}"
  layout   = "{query}"
  format "jsonl" { compression = each.key }
}

sink "local" "jsonl_json" {
  for_each = toset(["none", "gzip"])
  path     = "jsonl-json-${each.key}"
  layout   = "{query}"
  format "jsonl" {
    compression = each.key
    dynamic     = "json"
  }
}

query "types" {
  workspace = workspace.w
  kql       = "Types_CL"
  window {
    start = "2026-03-01"
    end   = "2026-03-02"
    slice = "1d"
  }
  sinks = concat(values(sink.parquet), values(sink.csv), values(sink.jsonl), values(sink.jsonl_json))
}

query "wide" {
  workspace = workspace.w
  kql       = "Wide_CL"
  window {
    start = "2026-03-01"
    end   = "2026-03-02"
    slice = "1d"
  }
  sinks = concat(values(sink.parquet), values(sink.csv), values(sink.jsonl), values(sink.jsonl_json))
}
