variable "workspace_id" {
  type = string
}

variable "except" {
  type        = list(string)
  description = "Tables to leave out, by name or pattern"
  default     = ["Heartbeat", "*Metrics"]
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
