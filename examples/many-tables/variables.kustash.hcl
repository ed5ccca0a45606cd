variable "workspace_id" {
  type = string

  validation {
    condition     = can(regex("^[0-9a-fA-F-]{36}$", var.workspace_id))
    error_message = "The workspace id is a GUID such as 5f0c1e2a-3b4d-4c5e-8f60-718293a4b5c6."
  }
}

variable "tables" {
  type    = list(string)
  default = ["AuditLogs", "CommonSecurityLog", "SecurityEvent", "SigninLogs", "Syslog"]
}

variable "since" {
  type        = string
  description = "First day to archive"
  default     = "now-7d"
}

variable "endpoint" {
  type    = string
  default = "https://api.loganalytics.io"
}

variable "authority" {
  type    = string
  default = "https://login.microsoftonline.com"
}
