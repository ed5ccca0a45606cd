variable "password" {
  sensitive = true
  default   = "hunter2"
}
locals {
  token  = "Bearer ${var.password}"
  parsed = parseint(var.password, 10) # error: uses a sensitive value, so the reason is not shown
  clash  = { for x in [1, 2] : var.password => x... }
  clash2 = { for x in [1, 2] : local.token => x } # error: so the reason is not shown
  path   = file(var.password) # error: A path occurs in messages
  name   = env(var.password) # error: The name of an environment variable occurs in messages
  json   = jsondecode(env("AZURE_CLIENT_SECRET")) # error: so the reason is not shown
}
query "text" {
  workspace = workspace.soc
  kql       = "T | where x == '${local.token}'" # error: The argument "kql" would show a sensitive value
  sinks     = [sink.archive]
  window {
    start = var.password # error: The argument "start" would show a sensitive value
  }
}
sink "local" "l" {
  path   = var.password # error: The argument "path" would show a sensitive value
  layout = local.token # error: The argument "layout" would show a sensitive value
}
sink "blob" "b" {
  url      = "x"
  metadata = { a = var.password } # error: The argument "metadata" would show a sensitive value
  connection_string = ["hunter2"] # error: a string is required
}
credential "client_secret" "bad" {
  client_secret = "bad-hunter2" # error: (sensitive value) is not a secret.
}
workspace "w" {
  workspace_id = "w"
  auth         = credential.bad
}
output "token" {
  value = local.token # error: Add sensitive = true
}
output "list" {
  value = [{ a = local.token }] # error: Add sensitive = true
}
