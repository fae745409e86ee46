-- How a programme's widget looks and speaks, where it is not as it comes.
CREATE TABLE widget_look (
    namespace  text COLLATE "C" PRIMARY KEY REFERENCES namespace,
    theme      jsonb NOT NULL DEFAULT '{}',
    texts      jsonb NOT NULL DEFAULT '{}',
    version    integer NOT NULL DEFAULT 1
);
