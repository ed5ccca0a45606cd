moved {
  from = "query.a" # error: takes the address of a query, without quotes
  to   = sink.b # error: takes the address of a query, without quotes
}
moved { # error: Both addresses are query.x
  from = query.x
  to   = query.x
}
moved { # error: Give both a key, or none
  from = query.one
  to   = query.many["k"]
}
moved {
  from = query.old["k"]
  to   = query.new["k"]
}
moved { # error: is moved already at
  from = query.old["k"]
  to   = query.other["k"]
}
moved { # error: takes over from query.old["k"] already at
  from = query.older["k"]
  to   = query.new["k"]
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
  to    = query.s
  form  = query.t # error: Did you mean "from"?
}
