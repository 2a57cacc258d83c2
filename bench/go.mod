module fairlead.dev/fairlead/bench

go 1.26.0
