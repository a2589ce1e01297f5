# For mutants: what a restore must not bring back, and not give again.
devices 3
hours 24
events 200
swarm 0
delay_ms 300
work 500
sync 400
backup 40
restore 15
erase 60
customer 30
