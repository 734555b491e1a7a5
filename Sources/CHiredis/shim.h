/* The reader of RESP alone: sockets are NIO's. */
#include <hiredis/read.h>
