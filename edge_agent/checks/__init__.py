"""What `mallsense doctor` looks at: each check finds what is well and what is not, and says what to do."""
