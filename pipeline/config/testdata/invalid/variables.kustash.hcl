variable "required" { # error: The variable "required" has no default and was given no value
  type = string
}
variable "typ" {
  type    = strng # error: Invalid type specification
  default = 1
}
variable "shape" {
  type    = object({ a = number, b = optional(string, "x") })
  default = { a = "not" } # error: at .a, a number is required
}
variable "null" {
  nullable = false
  default  = null # error: its value cannot be null
}
variable "dynamic" {
  default = local.x # error: Variables not allowed
}
variable "checked" { # error: The value must be above 10, not 5.
  type    = number
  default = 5
  validation {
    condition     = var.checked > 10
    error_message = "The value must be above 10, not ${var.checked}."
  }
}
variable "hidden" { # error: it holds a sensitive value
  sensitive = true
  default   = "hunter2"
  validation {
    condition     = length(var.hidden) > 10
    error_message = "The value ${var.hidden} is too short."
  }
}
variable "args" {
  sensitve  = true # error: "sensitve" is not expected in a variable block
  sensitive = "perhaps" # error: The argument "sensitive" must be a bool
  default   = 1
  validation { # error: The argument "error_message" is required
    condition = true
  }
}
output "follow_up" {
  value = [var.required, var.typ, var.shape, var.dynamic]
}
