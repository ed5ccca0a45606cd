workspace "list" {
  for_each     = ["a", "b"] # error: A map or a set of strings is required
  workspace_id = each.value
}
workspace "null" {
  for_each     = null # error: The value of for_each is null
  workspace_id = each.value
}
workspace "number" {
  for_each     = 3 # error: not a number
  workspace_id = each.valeu # error: write each.key or each.value
}
workspace "secret" {
  for_each     = toset([env("AZURE_CLIENT_SECRET")]) # error: so for_each cannot take a sensitive value
  workspace_id = each.value
}
workspace "self" {
  for_each     = { a = each.key } # error: "each" can be used only within a block
  workspace_id = each.value
}
workspace "broken" {
  for_each     = var.none # error: Declare it with variable "none"
  workspace_id = each.value
  clod         = "x" # error: Did you mean "cloud"?
}
workspace "empty" {
  for_each     = toset([])
  workspace_id = each.value
  clod         = "x" # error: Did you mean "cloud"?
}
workspace "empty_key" {
  for_each     = { "" = 1 } # error: none can be empty
  workspace_id = each.value
}
workspace "some" {
  for_each     = { a = "mars", b = "public" }
  workspace_id = each.key
  cloud        = each.value # error: There is no cloud "mars"
}
query "chain" {
  for_each  = workspace.some
  workspace = each.value
  kql       = "T"
  sinks     = [sink.archive]
  window { start = "2026-01-01" }
}
query "missing" {
  workspace = workspace.some["c"] # error: Invalid index
  kql       = "T"
  sinks     = [sink.archive]
  window { start = "2026-01-01" }
}
sink "blob" "dynamic" {
  url = "x"
  dynamic "tag" {
    for_each = sensitive(["x"]) # error: Use a value that is not sensitive
    content {
      name = tag.value
    }
  }
  dynamic "tagg" { # error: Blocks of type "tagg" are not expected
    for_each = []
    content {}
  }
}
