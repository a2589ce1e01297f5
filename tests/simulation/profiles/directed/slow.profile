# For mutants: work goes on while answers are on their way.
devices 3
hours 12
events 300
swarm 0
delay_ms 20000
work 500
sync 400
customer 60
