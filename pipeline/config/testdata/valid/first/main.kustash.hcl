workspace "soc" {
  workspace_id = "11111111-2222-3333-4444-555555555555"
}

sink "local" "archive" {
  path = "archive"
}

query "signins" {
  workspace = workspace.soc
  kql       = "SigninLogs"
  sinks     = [sink.archive]
  window {
    start = "2026-01-01"
  }
}
