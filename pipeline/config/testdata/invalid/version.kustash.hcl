kustash {
  required_version = ">= 9" # error: The pipeline requires kustash >= 9, and this is 0.3.1
}
frobnicate {}
