kustash {
  state "azure_blob" { # error: The state kind "azure_blob" is not supported by this version. This version has "local".
  }
}
credential "managed_identity" "m" { # error: There is no credential kind "managed_identity". This version has
}
credential "azure_cli" "stray" {
  client_secret = "x" # error: not expected in a credential block. It is an argument of the kind "client_secret".
}
credential "client_secert" "c" { # error: Did you mean "client_secret"?
}
sink "azure_blob" "cold" { # error: The sink kind "azure_blob" is not supported by this version
}
sink "ftp" "f" { # error: There is no sink kind "ftp". This version has "blob" or "local".
}
sink "local" "s" { # error: The argument "path" is required
  format "orc" { # error: There is no format kind "orc"
  }
}
sink "local" "t" {
  path   = ["x"] # error: string required
  pth    = "x" # error: An argument named "pth" is not expected in a sink block
  layout = "{query}/{minute}"
  format "parquet" {
    level = 300 # error: The value of "level" is not suitable
    compresion = "zstd" # error: Did you mean "compression"?
  }
}
sink "local" "u" {
  path   = "u"
  layout = "{minute}"
  format "csv" {}
  format "parquet" {} # error: A sink has one format
}
sink "local" "v" {
  path   = "v"
  layout = "{minute}" # error: {minute} is not a part of a layout
}
sink "local" "w" {
  path = null # error: its value is null
}
workspace "a" {
  workspace_id = "a"
  cloud        = "mars" # error: There is no cloud "mars".
  limits {
    rows = 0 # error: At least one row is needed.
  }
}
workspace "b" { # error: No such workspace.
  workspace_id = "boom"
}
workspace "c" {
  workspace_id = "c"
  auth         = credential.ok
  auth "azure_cli" {} # error: Keep one of both
}
workspace "d" {
  workspace_id = "d"
  auth         = "ok" # error: write credential.ok, without quotes
  limits {
    rows    = 1.5 # error: The value of "rows" is not suitable
    timeout = "10 minutes" # error: The value of "timeout" is not suitable
  }
  limits {} # error: Only one "limits" block is allowed here
}
workspace "e" {
  workspace_id          = "e"
  additional_workspaces = "one" # error: The value of "additional_workspaces" is not suitable
  auth "azure_cli" {}
  auth "client_secret" { # error: Only one "auth" block is allowed here
    limits {
      concurrency = "x"
    }
  }
}
credential "client_secret" "ok" {
  limits {
    concurrency = {} # error: The value of "concurrency" is not suitable
  }
}

sink "local" "emptied" {
  path  = "emptied"
  empty = "fil" # error: Did you mean "file"?
}

sink "local" "bounded" {
  path          = "bounded"
  max_rows      = 0 # error: must be a whole number of at least 1
  max_file_size = "256 megs" # error: is not a size such as "256MB"
}
sink "local" "halved" {
  path          = "halved"
  max_rows      = 1.5 # error: must be a whole number of at least 1
  max_file_size = "0.5B" # error: is no size of a file
}
