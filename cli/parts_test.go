package cli_test

// The filters, predicates, sources and options that the command line shows.
import _ "fairlead.dev/fairlead/app"
