variable "known" {
  default = "x"
}
locals {
  a        = local.b
  b        = [local.c]
  c        = { x = local.a } # error: local.a → local.b → local.c → local.a
  self     = local.self # error: local.self refers to itself
  unknown  = var.knwon # error: Did you mean "known"?
  none     = var.something # error: Declare it with variable "something"
  noise    = local.unknown
  bare     = archive # error: Did you mean "sink.archive"?
  word     = append # error: If a text was meant, put it in quotes
  kind     = sink.local.archive.path # error: write sink.archive
  kind2    = sink.local.other # error: write sink.other
  sinkname = sink.archiv # error: Did you mean "archive"?
  ws       = workspace.other # error: Declare it with workspace "other"
  cred     = credential.x # error: Declare it with credential "client_secret" "x"
  function = lenght("x") # error: Did you mean "length"?
  stamp    = timestamp() # error: Plans must not depend on when they are made
  each     = each.key # error: "each" can be used only within a block that has
  index    = count.index # error: There is no count
  envy     = env.HOME # error: Environment variables are read with env("NAME")
  whole    = var # error: "var" is not a value of its own
  path     = path.root # error: There is no path.root
  query    = query.x # error: A query has no values to refer to
  output   = output.x # error: An output has no values
  vra      = vra.known # error: Did you mean "var"?
  attr     = sink.archive.pth # error: does not have an attribute named "pth"
  number   = parseint("x", 10) # error: Invalid function argument
  missing  = env("NOT_SET") # error: The environment variable NOT_SET is not set
  file     = file("borken.kql") # error: Did you mean "broken.kql"?
  dir      = file(".") # error: it is a directory
}
workspace "loop" {
  workspace_id = workspace.loop.workspace_id # error: workspace.loop refers to itself
}
