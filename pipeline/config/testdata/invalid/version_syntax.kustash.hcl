kustash {
  required_version = "newest" # error: is not a version constraint
  backend "azurerm" {} # error: The place of the state is written state "local"
  count = 1 # error: Several instances
}
