"""What people see: plots and tables of what the other packages made. Nothing below draws."""
