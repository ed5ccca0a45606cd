workspace "soc" {
  workspace_id = "11111111-2222-3333-4444-555555555555"
  clod         = "public"
}

sink "local" "archive" {
	path = ["a"] # behind a tab
}

query "ünïcode" {
}

query "signins" {
  workspace = workspace.soc
  kql       = "T | search x"
  sinks     = [sink.backup]
  window {
    start = "2026-01-01"
    slice = "5h"
  }
}

query "warned" {
  workspace = workspace.good
  kql       = <<-KQL
    T
    | search "ä" and x
  KQL
  sinks     = [sink.good]
  window {
    start = "2026-01-01"
  }
}

workspace "good" {
  workspace_id = "w"
}

sink "local" "good" {
  path = "good"
}

credential "client_secret" "shown" {
  client_secret = "top-secret-literal", tenant_id = "x"
}
