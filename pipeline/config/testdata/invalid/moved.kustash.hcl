query "events" {
  for_each  = toset(["one", "two"])
  workspace = workspace.soc
  kql       = "Events_CL"
  window { start = "2026-01-01" }
  sinks = [sink.archive]
}
query "lone" {
  workspace = workspace.soc
  kql       = "Events_CL"
  window { start = "2026-01-01" }
  sinks = [sink.archive]
}

moved {
  from = "query.a" # error: takes the address of a query, without quotes
  to   = sink.b # error: takes the address of a query, without quotes
}
moved { # error: Both addresses are query.x
  from = query.x
  to   = query.x
}
moved {
  from = query.old["k"]
  to   = query.events["one"]
}
moved { # error: is moved already at
  from = query.old["k"]
  to   = query.events["two"]
}
moved { # error: takes over from query.old["k"] already at
  from = query.older["k"]
  to   = query.events["one"]
}
moved { # error: The moves lead from query.p back to it
  from = query.p
  to   = query.q
}
moved {
  from = query.q
  to   = query.p
}
moved { # error: The argument "from" is required
  to   = query.s
  form = query.t # error: Did you mean "from"?
}
moved {
  from = query.lone # error: query.lone is declared, so it has not moved
  to   = query.events["two"]
}
moved {
  from = query.long
  to   = query.evnts # error: The pipeline declares no query.evnts, which is to take over from query.long. Did you mean "query.events"?
}
moved {
  from = query.big
  to   = query.events["tow"] # error: Did you mean "query.events[\"two\"]"?
}
