# alone
count = 1 # error: "count" is outside of all
terraform { # error: Settings of the tool stand in a "kustash" block
}
resource "a" "b" { # error: There are no resources
}
backend "azurerm" { # error: kustash { state "local"
}
provider "azurerm" { # error: There are no providers
}
module "m" { # error: There are no modules
}
data "d" "e" { # error: There are no data sources
}
moved { # error: The argument "from" is required # error: The argument "to" is required
}
qurey "a" { # error: Did you mean "query"?
}
frobnicate { # error: Blocks of type "frobnicate" are not expected here.
}
sink "archive" { # error: Write: sink "blob" "archive" { … }.
}
workspace "a" "b" { # error: The number of labels of a workspace block is 1, and here it is 2
}
workspace "1st" { # error: Invalid name
}
variable "a" {
  default = 1
}
variable "a" { # error: was already declared at test.kustash.hcl:27
}
sink "local" "x" {
  path = "x"
}
sink "blob" "x" { # error: A sink named "x" was already declared at test.kustash.hcl:32
}
output "o" {
  value = 1
}
output "o" { # error: A output named "o" was already declared
  value = 1
}
kustash {
  state "lokal" { # error: Did you mean "local"?
  }
}
kustash { # error: Duplicate kustash block
}
locals {
  a = 1
}
locals {
  a = 2 # error: A local value named "a" was already declared
}
