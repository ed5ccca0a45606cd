sink "local" "flat" {
  path   = "flat"
  layout = "{query}"
}
sink "local" "hours" {
  path   = "hours"
  layout = "{query}/{hour}"
}
sink "local" "months" {
  path   = "months"
  layout = "{query}/{month}"
}
query "a" {
  workspace = workspace.soc
  kql       = "T"
  sinks     = [sink.archive]
  window {
    start       = "yesterday" # error: "yesterday" is no time
    end         = "2026-01-01T00:00:00.12345678Z" # error: is finer than the service's clock
    slice       = "hourly" # error: is not a duration
    settle      = "-5m" # error: is negative
    lookback    = 3 # error: "3" needs a unit
    time_column = "" # error: names the column
  }
}
query "b" {
  workspace = workspace.soc
  kql       = "T"
  sinks     = [sink.archive]
  window {
    start = "now+1h" # error: only distances before now
    end   = "now-1y" # error: unknown unit "y"
    slice = "7h" # error: do not divide that evenly
  }
}
query "c" {
  workspace = workspace.soc
  kql       = "T"
  sinks     = [sink.archive, sink.hours]
  window {
    start = "2026-01-02"
    end   = "2026-01-02" # error: is not after its start
    slice = "2h" # error: longer than a folder of sink.hours, which covers an hour
  }
}
query "d" {
  workspace = workspace.soc
  kql       = "T"
  sinks     = [sink.archive, sink.flat]
  window {
    start = "now-1d" # error: start and end must be absolute
    end   = "now-2d"
    slice = "none" # error: covers a day only
  }
}
query "e" {
  workspace = workspace.soc
  kql       = "T"
  sinks     = [sink.flat]
  window {
    start = "now-1d" # error: start and end must be absolute
    slice = "none"
  }
}
query "f" {
  workspace = workspace.soc
  kql       = "T"
  sinks     = [sink.flat]
  window { # error: start and end must be absolute
    start = "2026-01-01"
    slice = "none"
  }
}
query "g" {
  workspace = workspace.soc
  kql       = "T"
  sinks     = [sink.months]
  window {
    start = "2026-01-01"
    slice = "5w" # error: longer than a folder of sink.months
  }
}
query "h" {
  workspace = workspace.soc
  kql       = "T"
  sinks     = [sink.flat]
  window {
    start      = "now" # error: nothing is ever in it
    slice      = "0s" # error: A slice cannot have no width
    time_slack = "1h" # error: cut on TimeGenerated itself
  }
}
query "i" {
  workspace = workspace.soc
  kql       = "T"
  sinks     = [sink.flat]
  window {
    start = "2026-01-01"
    slice = "atuo" # error: Did you mean "auto"?
  }
}
query "j" {
  workspace = workspace.soc
  kql       = "T"
  sinks     = [sink.flat]
  window {
    start       = "2026-01-01"
    time_column = "Created" # error: Add time_slack
    reach       = "1 day"   # error: is not a duration
  }
}
query "k" {
  workspace = workspace.soc
  kql       = "T"
  sinks     = [sink.flat]
  window {
    start = "2026-01-01"
    reach = "14d" # error: use slice_start and slice_end
  }
}
query "l" {
  workspace = workspace.soc
  kql       = "T bin 6h"
  sinks     = [sink.archive]
  window {
    start = "2026-01-01T01:00:00Z" # error: Write 2026-01-01T00:00Z or 2026-01-01T06:00Z
    end   = "2026-02-01T00:00:01Z" # error: Write 2026-02-01T00:00Z or 2026-02-01T06:00Z
    slice = "1h" # error: Choose a multiple of 6h
  }
}
query "m" {
  workspace = workspace.soc
  kql       = "T bin 7h"
  sinks     = [sink.months, sink.flat]
  window { # error: sink.months covers a month, which such bins do not divide evenly
    start = "now-30d"
  }
}
