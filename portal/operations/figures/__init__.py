"""What reports come to: stretches of days, indicators, windows of requirements, and the workbook of results."""
