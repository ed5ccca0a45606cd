variable "list" {
  type    = list(number)
  default = [1, "x"] # error: at [1], a number is required
}
variable "condition" {
  default = 1
  validation {
    condition     = "perhaps" # error: The condition of a validation must be true or false
    error_message = "x"
  }
}
variable "message" {
  default = 1
  validation {
    condition     = false
    error_message = ["x"] # error: The error_message of a validation must be a string
  }
}
locals {
  unknown   = var.none # error: Declare it with variable "none"
  nulls     = [for x in null : x] # error: Iteration over null value
  list_ref  = var[0] # error: "var" is not a value of its own
  index_ref = sink["archive"].path
  splat     = [sink.archive][*].pth # error: does not have an attribute named "pth"
}
sink "blob" "silent" {
  url = "u"
  dynamic "tag" {
    for_each = local.unknown
    content {
      name = tag.value
    }
  }
}
query "marked_list" {
  workspace = sensitive(workspace.soc) # error: it cannot be a sensitive value
  kql       = "T"
  sinks     = sensitive([sink.archive]) # error: would show a sensitive value
  late      = null
  window {
    start  = "2026-01-01"
    settle = null
  }
}
query "number" {
  workspace = 3 # error: this is a value of type number
  kql       = "T"
  sinks     = "archive" # error: not a string: sinks = [sink.NAME]
  window {
    start = 20260101 # error: is no time
  }
}
workspace "forged" {
  workspace_id = "w"
  auth         = { address = "credential.none", name = "none", kind = "x" } # error: there is none with the address credential.none
}
workspace "twice" {
  workspace_id = "w"
  workspace_id = "v" # error: Attribute redefined
}
query "conditional" {
  workspace = true ? workspace.soc : workspace.twice
  kql       = "T"
  sinks     = [false ? sink.archive : null] # error: it is null
  window {
    start = "2026-01-01"
  }
}
